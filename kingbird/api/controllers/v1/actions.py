"""``/v1.0/{project}/os-sync/{job}/…``: what is asked of a job after it was accepted."""

import functools
from typing import Any

import pecan
import webob
from oslo_config import cfg

from kingbird import exception
from kingbird.api import validation
from kingbird.api.acceptance import Engines
from kingbird.api.controllers import not_allowed
from kingbird.api.controllers.v1.projects import Projects
from kingbird.api.controllers.v1.sync_jobs import find
from kingbird.api.retrial import Retrial
from kingbird.api.views import sync_jobs as view
from kingbird.context import RequestContext
from kingbird.db import api as db
from kingbird.policies import sync_jobs as policy

JSON = dict[str, Any]


class ActionsController:
    """Each call authorizes first: neither body nor database is looked at before."""

    def __init__(
        self, conf: cfg.ConfigOpts, projects: Projects, retrial: Retrial, engines: Engines
    ) -> None:
        self._largest_body = conf.api.max_request_body_size
        self._projects = projects
        self._retrial = retrial
        self._engines = engines

    def _job(
        self, request: webob.Request, project: str, job: str, rule: str
    ) -> tuple[RequestContext, db.Job]:
        """Return who asks, and the job, after all that the request itself can be wrong about."""
        context, project_id = self._projects.authorize(request, project, rule)
        validation.query(request)
        validation.no_body(request, self._largest_body)
        return context, find(project_id, job, self._projects.sees_all(context, project_id))

    @pecan.expose(generic=True, template="json")
    def cancel(
        self, request: webob.Request, response: webob.Response, project: str, job: str
    ) -> None:
        """Refuse all but POST."""
        not_allowed()

    @cancel.when(method="POST", template="json")
    def cancel_job(
        self, request: webob.Request, response: webob.Response, project: str, job: str
    ) -> JSON:
        """``POST /v1.0/{project}/os-sync/{job}/cancel``"""
        _, found = self._job(request, project, job, policy.CANCEL)
        if not db.control.cancel(found.pk):
            raise exception.Conflict(f"The job {found.id} has ended")
        self._engines.job_cancelled(found.id)
        response.status_int = 202
        return view.accepted(found)

    @pecan.expose(generic=True, template="json")
    def retry(
        self, request: webob.Request, response: webob.Response, project: str, job: str
    ) -> None:
        """Refuse all but POST."""
        not_allowed()

    @retry.when(method="POST", template="json")
    def retry_job(
        self, request: webob.Request, response: webob.Response, project: str, job: str
    ) -> JSON:
        """``POST /v1.0/{project}/os-sync/{job}/retry``"""
        context, found = self._job(request, project, job, policy.RETRY)
        if found.all_projects and not self._projects.allows(
            context, found.project_id, policy.CREATE_ALL_PROJECTS
        ):
            raise exception.Forbidden(
                f"The job {found.id} is about every project's images, and the policy "
                f"{policy.CREATE_ALL_PROJECTS} doesn't allow you to sync them"
            )
        self._retrial.retry(
            context,
            found,
            is_admin=functools.partial(self._projects.is_admin, context, found.project_id),
        )
        response.status_int = 202
        return view.accepted(found)
