"""``/v1.0/{project}/os-sync``: jobs are made, listed, shown and deleted (design, section 4)."""

import functools
from typing import Any

from oslo_config import cfg

from kingbird import exception
from kingbird.api.jobs.create import JobCreator
from kingbird.api.request import pagination, validation
from kingbird.api.request.authorization import Authorizer
from kingbird.api.request.operation import RequestPipeline, ValidRequest, operation
from kingbird.api.schemas import sync_jobs as schema
from kingbird.api.schemas.sync_jobs import answers, queries
from kingbird.api.views import sync_jobs as view
from kingbird.db import api as db
from kingbird.policies import sync_jobs as policy
from kingbird.states import JobState

JSON = dict[str, Any]


def get_job_or_404(asked: ValidRequest, projects: Authorizer) -> db.Job:
    """Return the job that a path names.

    Jobs about every project's images are there for some callers only.

    :raises kingbird.exception.BadRequest: it names no job.
    :raises kingbird.exception.NotFound: the project has no such job.
    """
    job_id = validation.parse_path_uuid(asked.path[0], "job id")
    sees_all = projects.can_see_all_projects(asked.context, asked.project_id)
    found = db.jobs.get(asked.project_id, job_id, with_all_projects=sees_all)
    if found is None:
        raise exception.NotFound(f"There is no job {job_id}")
    return found


def _job_in_progress(job: db.Job) -> exception.NotAcceptable:
    return exception.NotAcceptable(
        f"The job {job.id} is in progress; it can be deleted once it has ended or was cancelled"
    )


class SyncJobsController:
    """Makes, lists, shows and deletes jobs."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        gate: RequestPipeline,
        projects: Authorizer,
        acceptance: JobCreator,
    ) -> None:
        self._conf = conf
        self.gate = gate
        self._projects = projects
        self._acceptance = acceptance

    @operation(
        "list_sync_jobs",
        "List the project's jobs",
        rules=(policy.LIST, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        query=queries.JOBS,
        response_schema=answers.LISTED,
    )
    def list_jobs(self, asked: ValidRequest) -> JSON:
        """``GET /v1.0/{project}/os-sync``"""
        return self._list(asked)

    def _list(self, asked: ValidRequest, *, active: bool = False) -> JSON:
        page = pagination.from_request(asked.request, asked.query, self._conf.api.max_limit)
        jobs = db.jobs.list_for_project(
            asked.project_id,
            active=active,
            with_all_projects=self._projects.can_see_all_projects(asked.context, asked.project_id),
            **page.query_args,
        )
        shown, links = page.paginate(jobs, lambda job: job.id)
        return {"job_set": [view.render_summary(job) for job in shown], "links": links}

    @operation(
        "create_sync_job",
        "Have images synced",
        rules=(policy.CREATE, policy.CREATE_ALL_PROJECTS),
        body=schema.create,
        response_schema=answers.ACCEPTED,
        errors=(404, 413, 429),
    )
    def create_job(self, asked: ValidRequest) -> JSON:
        """``POST /v1.0/{project}/os-sync``"""
        context, project_id = asked.context, asked.project_id
        sets = schema.normalize_sets(asked.body, self.gate.limits)
        for field, each in sets.items():
            if each["all_projects"] and not self._projects.allows(
                context, project_id, policy.CREATE_ALL_PROJECTS
            ):
                raise exception.Forbidden(
                    f"{field}.all_projects is true, and the policy {policy.CREATE_ALL_PROJECTS} "
                    "doesn't allow you to sync the images of every project"
                )
        is_admin = functools.partial(self._projects.is_admin, context, project_id)
        return view.render_status(self._acceptance.create_job(context, sets, is_admin=is_admin))

    @operation(
        "list_active_sync_jobs",
        "List the project's jobs that are in progress",
        rules=(policy.LIST, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        query=queries.JOBS,
        response_schema=answers.LISTED,
    )
    def list_active(self, asked: ValidRequest) -> JSON:
        """``GET /v1.0/{project}/os-sync/active``"""
        return self._list(asked, active=True)

    @operation(
        "show_sync_job",
        "Show what became of each image of a job",
        rules=(policy.SHOW, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        query=queries.ITEMS,
        response_schema=answers.SHOWN,
        errors=(404,),
    )
    def show_job(self, asked: ValidRequest) -> JSON:
        """``GET /v1.0/{project}/os-sync/{job}``"""
        page = pagination.from_request(asked.request, asked.query, self._conf.api.max_limit)
        found = get_job_or_404(asked, self._projects)
        if found.planned_at is None:
            items = page.paginate_entries(view.render_unplanned(found))
        else:
            items = [
                view.render_item(item) for item in db.jobs.list_items(found, **page.query_args)
            ]
        shown, links = page.paginate(items, lambda item: item["id"])
        overview = view.render_detail(found, *db.jobs.outcome_counts(found))
        return {"job_set": shown, "job": overview, "links": links}

    @operation(
        "delete_sync_job",
        "Delete a job that has ended",
        rules=(policy.DELETE, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        response_schema=answers.DELETED,
        errors=(404, 406),
    )
    def delete_job(self, asked: ValidRequest) -> JSON:
        """``DELETE /v1.0/{project}/os-sync/{job}``"""
        found = get_job_or_404(asked, self._projects)
        if found.status == JobState.IN_PROGRESS:
            raise _job_in_progress(found)
        sees_all = self._projects.can_see_all_projects(asked.context, asked.project_id)
        deleted = db.jobs.delete(asked.project_id, found.id, with_all_projects=sees_all)
        # A commit whose answer was lost has deleted it before; a retry has set it going again.
        if not deleted and db.jobs.get(asked.project_id, found.id, with_all_projects=sees_all):
            raise _job_in_progress(found)
        return {}
