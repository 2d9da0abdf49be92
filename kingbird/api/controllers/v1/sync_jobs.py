"""``/v1.0/{project}/os-sync``: jobs are made, listed, shown and deleted (design, section 4)."""

from typing import Any

import pecan
import webob
from oslo_config import cfg

from kingbird import exception
from kingbird.api import validation
from kingbird.api.acceptance import Acceptance
from kingbird.api.controllers import not_allowed
from kingbird.api.hooks import context_of
from kingbird.api.schemas import sync_jobs as schema
from kingbird.api.views import sync_jobs as view
from kingbird.context import RequestContext
from kingbird.db import api as db
from kingbird.policies import base
from kingbird.policies import sync_jobs as policy
from kingbird.policies.enforcer import Enforcer

JSON = dict[str, Any]


class SyncJobsController:
    """Every call authorizes first: neither body nor database is looked at before."""

    def __init__(self, conf: cfg.ConfigOpts, enforcer: Enforcer, acceptance: Acceptance) -> None:
        self._limit = conf.api.max_request_body_size
        self._enforcer = enforcer
        self._acceptance = acceptance
        self._create = validation.Schema(schema.CREATE)

    def _authorize(
        self, request: webob.Request, project: str, rule: str
    ) -> tuple[RequestContext, str]:
        """Go on only if the path is about the token's project and a rule allows it.

        :returns: who asks, and the project's id as Keystone writes it, without dashes; both ways
            are the same project.
        """
        named = validation.uuid_in_path(project, "project id")
        context = context_of(request)
        project_id = context.project_id or ""
        if named.replace("-", "") != project_id.replace("-", "").lower():
            raise exception.Forbidden("The token is not for the project in the path")
        self._enforcer.authorize(context, rule, {"project_id": project_id})
        validation.no_query(request)
        return context, project_id

    @staticmethod
    def _job(project_id: str, job: str) -> db.Job:
        job_id = validation.uuid_in_path(job, "job id")
        found = db.jobs.get(project_id, job_id)
        if found is None:
            raise exception.NotFound(f"There is no job {job_id}")
        return found

    @pecan.expose(generic=True, template="json")
    def jobs(self, request: webob.Request, response: webob.Response, project: str) -> None:
        """Refuse all but GET and POST."""
        not_allowed()

    @jobs.when(method="GET", template="json")
    def list_jobs(self, request: webob.Request, response: webob.Response, project: str) -> JSON:
        """``GET /v1.0/{project}/os-sync``"""
        _, project_id = self._authorize(request, project, policy.LIST)
        jobs = db.jobs.list_for_project(project_id)
        return {"job_set": [view.summary(job) for job in jobs]}

    @jobs.when(method="POST", template="json")
    def create_job(self, request: webob.Request, response: webob.Response, project: str) -> JSON:
        """``POST /v1.0/{project}/os-sync``"""
        context, project_id = self._authorize(request, project, policy.CREATE)
        body = validation.parse(validation.read_body(request, self._limit))
        self._create.check(body)
        is_admin = self._enforcer.allows(context, base.ADMIN_REQUIRED, {"project_id": project_id})
        job = self._acceptance.accept(context, schema.sets_of(body), is_admin=is_admin)
        return view.accepted(job)

    @pecan.expose(generic=True, template="json")
    def active(self, request: webob.Request, response: webob.Response, project: str) -> None:
        """Refuse all but GET."""
        not_allowed()

    @active.when(method="GET", template="json")
    def list_active(self, request: webob.Request, response: webob.Response, project: str) -> JSON:
        """``GET /v1.0/{project}/os-sync/active``"""
        _, project_id = self._authorize(request, project, policy.LIST)
        jobs = db.jobs.list_for_project(project_id, active=True)
        return {"job_set": [view.summary(job) for job in jobs]}

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
        _, project_id = self._authorize(request, project, policy.SHOW)
        found = self._job(project_id, job)
        return {"job_set": view.items(found, db.jobs.list_items(found))}

    @job.when(method="DELETE", template="json")
    def delete_job(
        self, request: webob.Request, response: webob.Response, project: str, job: str
    ) -> JSON:
        """``DELETE /v1.0/{project}/os-sync/{job}``"""
        _, project_id = self._authorize(request, project, policy.DELETE)
        found = self._job(project_id, job)
        if found.status == db.jobs.IN_PROGRESS:
            raise exception.NotAcceptable(f"The job {found.id} is running")
        if not db.jobs.delete(project_id, found.id):
            raise exception.NotFound(f"There is no job {found.id}")
        return {}
