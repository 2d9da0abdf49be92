"""The controller of the actions on a job, ``/v1.0/{project}/os-sync/{job}/{action}``."""

import functools
from typing import Any

from kingbird import exception
from kingbird.api.controllers.v1.lookups import get_job_or_404
from kingbird.api.jobs.create import EngineRPC
from kingbird.api.jobs.retry import JobRetrier
from kingbird.api.request.authorization import Authorizer
from kingbird.api.request.operation import RequestPipeline, ValidRequest, operation
from kingbird.api.schemas.sync_jobs import answers, bodies
from kingbird.api.views import sync_jobs as view
from kingbird.db import api as db
from kingbird.policies import sync_jobs as policy

JSON = dict[str, Any]


class ActionsController:
    """The controller that cancels and retries jobs."""

    def __init__(
        self,
        pipeline: RequestPipeline,
        authorizer: Authorizer,
        job_retrier: JobRetrier,
        engines: EngineRPC,
    ) -> None:
        self.pipeline = pipeline
        self._authorizer = authorizer
        self._job_retrier = job_retrier
        self._engines = engines

    @operation(
        "cancel_sync_job",
        "End a job early",
        rules=(policy.CANCEL, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        body=bodies.empty,
        body_optional=True,
        response_schema=answers.ACCEPTED,
        status=202,
        errors=(404, 409, 413),
    )
    def cancel_job(self, request: ValidRequest) -> JSON:
        """``POST /v1.0/{project}/os-sync/{job}/cancel``"""
        found = get_job_or_404(request, self._authorizer)
        if not db.job_actions.cancel(found):
            raise exception.Conflict(
                f"The job {found.id} has ended; only one in progress can be cancelled"
            )
        self._engines.job_cancelled(found.id)
        return view.render_status(found)

    @operation(
        "retry_sync_job",
        "Try again what failed of a job",
        rules=(policy.RETRY, policy.ALL_PROJECTS, policy.CREATE_ALL_PROJECTS),
        body=bodies.empty,
        body_optional=True,
        response_schema=answers.ACCEPTED,
        status=202,
        errors=(404, 409, 413, 429),
    )
    def retry_job(self, request: ValidRequest) -> JSON:
        """``POST /v1.0/{project}/os-sync/{job}/retry``"""
        context, found = request.context, get_job_or_404(request, self._authorizer)
        if found.all_projects and not self._authorizer.allows(
            context, found.project_id, policy.CREATE_ALL_PROJECTS
        ):
            raise exception.Forbidden(
                f"The job {found.id} is about every project's images, and the policy "
                f"{policy.CREATE_ALL_PROJECTS} doesn't allow you to sync them"
            )
        self._job_retrier.retry(
            context,
            found,
            is_admin=functools.partial(self._authorizer.is_admin, context, found.project_id),
        )
        return view.render_status(found)
