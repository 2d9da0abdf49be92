"""The controller of ``/v1.0/{project}/os-sync``, a project's jobs."""

import functools
from collections.abc import Iterator
from typing import Any

from kingbird import exception
from kingbird.api.controllers.v1.lookups import get_job_or_404, get_job_version_or_404
from kingbird.api.jobs import parts
from kingbird.api.jobs.create import JobCreator
from kingbird.api.request import conditional, pagination
from kingbird.api.request.operation import RequestPipeline, ValidRequest, operation
from kingbird.api.schemas import formats
from kingbird.api.schemas import sync_jobs as schema
from kingbird.api.schemas.sync_jobs import answers, queries
from kingbird.api.views import sync_jobs as view
from kingbird.api.views.unplanned import UnplannedItems
from kingbird.db import api as db
from kingbird.policies import sync_jobs as policy
from kingbird.policies import sync_rules as rule_policy
from kingbird.states import ALL, JobState

JSON = dict[str, Any]


def _job_in_progress(job: db.Job) -> exception.NotAcceptable:
    return exception.NotAcceptable(
        f"The job {job.id} is in progress; it can be deleted once it has ended or was cancelled"
    )


def _narrower(request: ValidRequest, job: db.Job) -> dict[str, Any]:
    """Return the parameters that select items, as :func:`kingbird.db.jobs.list_items` does.

    :raises kingbird.exception.BadRequest: the job is about images, and ``resource`` is no id.
    """
    query = request.query
    selected: dict[str, Any] = {}
    if "resource" in query:
        selected["resource"] = parts.key_in(
            job, query["resource"], "resource", f'the id of an image (a UUID), or "{ALL}"'
        )
    if "target_region" in query:
        selected["target_region"] = query["target_region"]
    if "reason" in query:
        selected["reason"] = frozenset(query["reason"])
    if "changed_since" in query:
        selected["changed_since"] = formats.read_datetime(query["changed_since"])
    return selected


def _wanted(request: ValidRequest) -> JSON:
    """Return the parameters that select jobs."""
    rule = request.query.get("rule")
    return {
        "with_all_projects": request.rights.can_see_all_projects(),
        "rule_id": None if rule is None else formats.normalize_uuid(rule),
    }


class SyncJobsController:
    """The controller that creates, lists, shows and deletes jobs."""

    def __init__(self, pipeline: RequestPipeline, job_creator: JobCreator) -> None:
        self.pipeline = pipeline
        self._job_creator = job_creator

    @operation(
        "list_sync_jobs",
        "List the project's jobs",
        rules=(policy.LIST, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        query=queries.JOBS,
        response_schema=answers.LISTED,
        conditional=True,
    )
    def list_jobs(self, request: ValidRequest) -> Iterator[JSON]:
        """``GET /v1.0/{project}/os-sync``"""
        return self._list(request)

    def _list(self, request: ValidRequest, *, active: bool = False) -> Iterator[JSON]:
        page = request.page()
        fetch = functools.partial(
            db.jobs.list_for_project, request.project_id, active=active, **_wanted(request)
        )
        for number, jobs in enumerate(page.read(fetch)):
            if not number:
                # Rows beyond the page tell that there is a next one.
                self._tag(request, page, [(job.id, job.revision) for job in jobs])
            entries, links = page.paginate(jobs, lambda job: job.id)
            yield {"job_set": [view.render_summary(job) for job in entries], "links": links}

    @staticmethod
    def _tag(request: ValidRequest, page: pagination.Page, versions: list[Any]) -> None:
        """Tag the answer by its rows, unless it has more than one page of them."""
        if not page.is_whole or len(versions) <= page.limit:
            request.end_if_unchanged(versions)

    @operation(
        "list_sync_jobs_detail",
        "List jobs with the numbers of their items, and how far they are",
        rules=(policy.LIST, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        query=queries.DETAILS,
        response_schema=answers.DETAILED,
        conditional=True,
    )
    def list_details(self, request: ValidRequest) -> Iterator[JSON]:
        """``GET /v1.0/{project}/os-sync/detail``"""
        page = request.page()
        of_all = request.query.get("all_projects") == "true"
        if of_all:
            request.rights.check_every_project()
        project_id = None if of_all else request.project_id
        wanted = _wanted(request)
        if conditional.is_asked(request.webob_request):
            versions = db.job_versions.list_versions(project_id, **wanted, **page.query_args)
            self._tag(request, page, versions)
        fetch = functools.partial(db.job_details.list_details, project_id, **wanted)
        for number, details in enumerate(page.read(fetch)):
            if not number:
                self._tag(request, page, [one.version for one in details])
            entries, links = page.paginate(details, lambda one: one.job.id)
            yield {"job_set": [view.render_listed_detail(one) for one in entries], "links": links}

    @operation(
        "create_sync_job",
        "Have images synced",
        rules=(
            policy.CREATE,
            policy.IMPORT,
            rule_policy.ORPHANS,
            policy.CREATE_ALL_PROJECTS,
            policy.CREATE_METADEF,
        ),
        body=schema.create,
        response_schema=answers.ACCEPTED,
        errors=(404, 413, 429),
    )
    def create_job(self, request: ValidRequest) -> JSON:
        """``POST /v1.0/{project}/os-sync``"""
        sets = schema.normalize_sets(request.body, self.pipeline.limits)
        for field, each in sets.items():
            request.rights.check_set(each, field)
        job = self._job_creator.create_job(request.context, sets, is_admin=request.rights.is_admin)
        return view.render_status(job)

    @operation(
        "list_active_sync_jobs",
        "List the project's jobs that are in progress",
        rules=(policy.LIST, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        query=queries.JOBS,
        response_schema=answers.LISTED,
        conditional=True,
    )
    def list_active(self, request: ValidRequest) -> Iterator[JSON]:
        """``GET /v1.0/{project}/os-sync/active``"""
        return self._list(request, active=True)

    @operation(
        "show_sync_job",
        "Show what became of each image of a job",
        rules=(policy.SHOW, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        query=queries.ITEMS,
        response_schema=answers.SHOWN,
        errors=(404,),
        conditional=True,
    )
    def show_job(self, request: ValidRequest) -> Iterator[JSON]:
        """``GET /v1.0/{project}/os-sync/{job}``"""
        page = request.page()
        request.end_if_unchanged(*get_job_version_or_404(request))
        found = get_job_or_404(request)
        narrower = _narrower(request, found)
        pages = page.read_entries(UnplannedItems(found, **narrower))
        if found.planned_at is not None:
            rows = page.read(functools.partial(db.jobs.list_items, found, **narrower))
            pages = (view.render_items(found, items) for items in rows)
        detail = None
        for items in pages:
            entries, links = page.paginate(items, lambda item: item["id"])
            # The counts come after the items, so that they miss none of them.
            detail = detail or view.render_detail(found, db.jobs.numbers_of(found))
            yield {"job_set": entries, "job": detail, "links": links}

    @operation(
        "delete_sync_job",
        "Delete a job that has ended",
        rules=(policy.DELETE, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        response_schema=answers.DELETED,
        errors=(404, 406),
    )
    def delete_job(self, request: ValidRequest) -> JSON:
        """``DELETE /v1.0/{project}/os-sync/{job}``"""
        found = get_job_or_404(request)
        if found.status == JobState.IN_PROGRESS:
            raise _job_in_progress(found)
        sees_all = request.rights.can_see_all_projects()
        deleted = db.jobs.delete(request.project_id, found.id, with_all_projects=sees_all)
        # If an earlier commit's answer was lost, the job is deleted already.  If the job still
        # exists, a retry has started it meanwhile.
        if not deleted and db.jobs.get(request.project_id, found.id, with_all_projects=sees_all):
            raise _job_in_progress(found)
        return {}
