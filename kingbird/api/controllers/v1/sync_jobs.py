"""``/v1.0/{project}/os-sync``: jobs are made, listed, shown and deleted (design, section 4)."""

import functools
from typing import Any

import pecan
import webob
from oslo_config import cfg

from kingbird import exception
from kingbird.api.controllers import not_allowed
from kingbird.api.jobs.create import Acceptance
from kingbird.api.request import pagination, validation
from kingbird.api.request.authorization import Projects
from kingbird.api.request.operation import Asked, Gate, call
from kingbird.api.schemas import sync_jobs as schema
from kingbird.api.schemas.sync_jobs import answers, queries
from kingbird.api.views import sync_jobs as view
from kingbird.db import api as db
from kingbird.policies import sync_jobs as policy

JSON = dict[str, Any]


def find(asked: Asked, projects: Projects) -> db.Job:
    """Return the job that a path names.

    Jobs about every project's images are there for some callers only.

    :raises kingbird.exception.BadRequest: it names no job.
    :raises kingbird.exception.NotFound: the project has no such job.
    """
    job_id = validation.uuid_in_path(asked.path[0], "job id")
    sees_all = projects.sees_all(asked.context, asked.project_id)
    found = db.jobs.get(asked.project_id, job_id, with_all_projects=sees_all)
    if found is None:
        raise exception.NotFound(f"There is no job {job_id}")
    return found


def _running(job: db.Job) -> exception.NotAcceptable:
    return exception.NotAcceptable(
        f"The job {job.id} is in progress; it can be deleted once it has ended or was cancelled"
    )


class SyncJobsController:
    """Makes, lists, shows and deletes jobs."""

    def __init__(
        self, conf: cfg.ConfigOpts, gate: Gate, projects: Projects, acceptance: Acceptance
    ) -> None:
        self._conf = conf
        self.gate = gate
        self._projects = projects
        self._acceptance = acceptance

    @pecan.expose(generic=True, template="json")
    def jobs(self, request: webob.Request, response: webob.Response, project: str) -> None:
        """Refuse all but GET and POST."""
        not_allowed()

    @jobs.when(method="GET", template="json")
    @call(
        "list_sync_jobs",
        "List the project's jobs",
        rules=(policy.LIST, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        query=queries.JOBS,
        answer=answers.LISTED,
    )
    def list_jobs(self, asked: Asked) -> JSON:
        """``GET /v1.0/{project}/os-sync``"""
        return self._list(asked)

    def _list(self, asked: Asked, *, active: bool = False) -> JSON:
        page = pagination.page(asked.request, asked.query, self._conf.api.max_limit)
        jobs = db.jobs.list_for_project(
            asked.project_id,
            active=active,
            with_all_projects=self._projects.sees_all(asked.context, asked.project_id),
            **page.options,
        )
        shown, links = page.cut(jobs, lambda job: job.id)
        return {"job_set": [view.summary(job) for job in shown], "links": links}

    @jobs.when(method="POST", template="json")
    @call(
        "create_sync_job",
        "Have images synced",
        rules=(policy.CREATE, policy.CREATE_ALL_PROJECTS),
        body=schema.create,
        answer=answers.ACCEPTED,
        errors=(404, 413, 429),
    )
    def create_job(self, asked: Asked) -> JSON:
        """``POST /v1.0/{project}/os-sync``"""
        context, project_id = asked.context, asked.project_id
        sets = schema.sets_of(asked.body, self.gate.bounds)
        for field, each in sets.items():
            if each["all_projects"] and not self._projects.allows(
                context, project_id, policy.CREATE_ALL_PROJECTS
            ):
                raise exception.Forbidden(
                    f"{field}.all_projects is true, and the policy {policy.CREATE_ALL_PROJECTS} "
                    "doesn't allow you to sync the images of every project"
                )
        is_admin = functools.partial(self._projects.is_admin, context, project_id)
        return view.accepted(self._acceptance.accept(context, sets, is_admin=is_admin))

    @pecan.expose(generic=True, template="json")
    def active(self, request: webob.Request, response: webob.Response, project: str) -> None:
        """Refuse all but GET."""
        not_allowed()

    @active.when(method="GET", template="json")
    @call(
        "list_active_sync_jobs",
        "List the project's jobs that are in progress",
        rules=(policy.LIST, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        query=queries.JOBS,
        answer=answers.LISTED,
    )
    def list_active(self, asked: Asked) -> JSON:
        """``GET /v1.0/{project}/os-sync/active``"""
        return self._list(asked, active=True)

    @pecan.expose(generic=True, template="json")
    def job(
        self, request: webob.Request, response: webob.Response, project: str, job: str
    ) -> None:
        """Refuse all but GET and DELETE."""
        not_allowed()

    @job.when(method="GET", template="json")
    @call(
        "show_sync_job",
        "Show what became of each image of a job",
        rules=(policy.SHOW, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        query=queries.ITEMS,
        answer=answers.SHOWN,
        errors=(404,),
    )
    def show_job(self, asked: Asked) -> JSON:
        """``GET /v1.0/{project}/os-sync/{job}``"""
        page = pagination.page(asked.request, asked.query, self._conf.api.max_limit)
        found = find(asked, self._projects)
        if found.planned_at is None:
            items = page.of(view.expected(found))
        else:
            items = [view.planned(item) for item in db.jobs.list_items(found, **page.options)]
        shown, links = page.cut(items, lambda item: item["id"])
        overview = view.overview(found, *db.jobs.counts(found))
        return {"job_set": shown, "job": overview, "links": links}

    @job.when(method="DELETE", template="json")
    @call(
        "delete_sync_job",
        "Delete a job that has ended",
        rules=(policy.DELETE, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        answer=answers.DELETED,
        errors=(404, 406),
    )
    def delete_job(self, asked: Asked) -> JSON:
        """``DELETE /v1.0/{project}/os-sync/{job}``"""
        found = find(asked, self._projects)
        if found.status == db.jobs.IN_PROGRESS:
            raise _running(found)
        sees_all = self._projects.sees_all(asked.context, asked.project_id)
        deleted = db.jobs.delete(asked.project_id, found.id, with_all_projects=sees_all)
        # A commit whose answer was lost has deleted it before; a retry has set it going again.
        if not deleted and db.jobs.get(asked.project_id, found.id, with_all_projects=sees_all):
            raise _running(found)
        return {}
