"""``/v1.0/{project}/os-sync``: jobs are made, listed, shown and deleted (design, section 4)."""

import functools
from typing import Any

import pecan
import webob
from oslo_config import cfg

from kingbird import exception
from kingbird.api import paging, validation
from kingbird.api.acceptance import Acceptance
from kingbird.api.controllers import not_allowed
from kingbird.api.controllers.v1.projects import Projects
from kingbird.api.schemas import sync_jobs as schema
from kingbird.api.views import sync_jobs as view
from kingbird.db import api as db
from kingbird.policies import sync_jobs as policy

JSON = dict[str, Any]


def find(project_id: str, job: str, sees_all: bool) -> db.Job:
    """Return the job that a path names.

    :param sees_all: whether jobs about every project's images are there for the caller.
    :raises kingbird.exception.BadRequest: it names no job.
    :raises kingbird.exception.NotFound: the project has no such job.
    """
    job_id = validation.uuid_in_path(job, "job id")
    found = db.jobs.get(project_id, job_id, with_all_projects=sees_all)
    if found is None:
        raise exception.NotFound(f"There is no job {job_id}")
    return found


def _running(job: db.Job) -> exception.NotAcceptable:
    return exception.NotAcceptable(f"The job {job.id} is running")


class SyncJobsController:
    """Every call authorizes first: neither body nor database is looked at before."""

    def __init__(self, conf: cfg.ConfigOpts, projects: Projects, acceptance: Acceptance) -> None:
        self._conf = conf
        self._projects = projects
        self._acceptance = acceptance
        self._create = validation.Schema(schema.CREATE)

    @pecan.expose(generic=True, template="json")
    def jobs(self, request: webob.Request, response: webob.Response, project: str) -> None:
        """Refuse all but GET and POST."""
        not_allowed()

    @jobs.when(method="GET", template="json")
    def list_jobs(self, request: webob.Request, response: webob.Response, project: str) -> JSON:
        """``GET /v1.0/{project}/os-sync``"""
        return self._list(request, project)

    def _list(self, request: webob.Request, project: str, *, active: bool = False) -> JSON:
        context, project_id = self._projects.authorize(request, project, policy.LIST)
        page = paging.read(request, paging.JOBS, self._conf.api.max_limit)
        jobs = db.jobs.list_for_project(
            project_id,
            active=active,
            with_all_projects=self._projects.sees_all(context, project_id),
            **page.options,
        )
        shown, links = page.cut(jobs, lambda job: job.id)
        return {"job_set": [view.summary(job) for job in shown], "links": links}

    @jobs.when(method="POST", template="json")
    def create_job(self, request: webob.Request, response: webob.Response, project: str) -> JSON:
        """``POST /v1.0/{project}/os-sync``"""
        context, project_id = self._projects.authorize(request, project, policy.CREATE)
        validation.query(request)
        body = validation.parse(
            validation.read_body(request, self._conf.api.max_request_body_size)
        )
        self._create.check(body)
        sets = schema.sets_of(body)
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
    def list_active(self, request: webob.Request, response: webob.Response, project: str) -> JSON:
        """``GET /v1.0/{project}/os-sync/active``"""
        return self._list(request, project, active=True)

    @pecan.expose(generic=True, template="json")
    def job(
        self, request: webob.Request, response: webob.Response, project: str, job: str
    ) -> None:
        """Refuse all but GET and DELETE."""
        not_allowed()

    @job.when(method="GET", template="json")
    def show_job(
        self, request: webob.Request, response: webob.Response, project: str, job: str
    ) -> JSON:
        """``GET /v1.0/{project}/os-sync/{job}``"""
        context, project_id = self._projects.authorize(request, project, policy.SHOW)
        page = paging.read(request, paging.ITEMS, self._conf.api.max_limit)
        found = find(project_id, job, self._projects.sees_all(context, project_id))
        if found.planned_at is None:
            items = page.of(view.expected(found))
        else:
            items = [view.planned(item) for item in db.jobs.list_items(found, **page.options)]
        shown, links = page.cut(items, lambda item: item["id"])
        overview = view.overview(found, *db.jobs.counts(found))
        return {"job_set": shown, "job": overview, "links": links}

    @job.when(method="DELETE", template="json")
    def delete_job(
        self, request: webob.Request, response: webob.Response, project: str, job: str
    ) -> JSON:
        """``DELETE /v1.0/{project}/os-sync/{job}``"""
        context, project_id = self._projects.authorize(request, project, policy.DELETE)
        validation.query(request)
        sees_all = self._projects.sees_all(context, project_id)
        found = find(project_id, job, sees_all)
        if found.status == db.jobs.IN_PROGRESS:
            raise _running(found)
        deleted = db.jobs.delete(project_id, found.id, with_all_projects=sees_all)
        # A commit whose answer was lost has deleted it before; a retry has set it going again.
        if not deleted and db.jobs.get(project_id, found.id, with_all_projects=sees_all):
            raise _running(found)
        return {}
