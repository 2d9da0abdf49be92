"""The controller of the actions on a job, ``/v1.0/{project}/os-sync/{job}/{action}``."""

from collections.abc import Callable
from typing import Any

from kingbird import exception
from kingbird.api.controllers.v1.lookups import get_job_or_404
from kingbird.api.jobs import parts
from kingbird.api.jobs.create import EngineRPC, JobCreator
from kingbird.api.jobs.retry import JobRetrier
from kingbird.api.request.operation import RequestPipeline, ValidRequest, operation
from kingbird.api.schemas.sync_jobs import answers, bodies
from kingbird.api.views import sync_jobs as view
from kingbird.db import api as db
from kingbird.policies import sync_jobs as policy
from kingbird.policies import sync_rules as rule_policy
from kingbird.states import JobState

JSON = dict[str, Any]

#: The options of all operations that make an engine begin.
_STARTS_WORK: JSON = {
    "body_optional": True,
    "response_schema": answers.ACCEPTED,
    "status": 202,
    "errors": (404, 409, 413, 429),
}
#: The policies that a job's options may ask for.
_OPTIONS = (
    policy.IMPORT,
    rule_policy.ORPHANS,
    policy.ALL_PROJECTS,
    policy.CREATE_ALL_PROJECTS,
    policy.CREATE_METADEF,
)


class ActionsController:
    """The controller that cancels, retries, undoes and applies jobs."""

    def __init__(
        self,
        pipeline: RequestPipeline,
        job_retrier: JobRetrier,
        job_creator: JobCreator,
        engines: EngineRPC,
    ) -> None:
        self.pipeline = pipeline
        self._job_retrier = job_retrier
        self._job_creator = job_creator
        self._engines = engines

    @operation(
        "cancel_sync_job",
        "End a job early",
        rules=(policy.CANCEL, policy.OTHER_PROJECTS, policy.ALL_PROJECTS),
        body=bodies.part,
        body_optional=True,
        response_schema=answers.ACCEPTED,
        status=202,
        errors=(404, 409, 413),
    )
    def cancel_job(self, request: ValidRequest) -> JSON:
        """``POST /v1.0/{project}/os-sync/{job}/cancel``"""
        found = get_job_or_404(request)
        has_ended = found.status != JobState.IN_PROGRESS
        part = None if has_ended else parts.read(found, request.body)
        if has_ended or not (
            db.job_actions.cancel_part(found, part) if part else db.job_actions.cancel(found)
        ):
            raise exception.Conflict(
                f"The job {found.id} has ended; only one in progress can be cancelled"
            )
        self._engines.job_cancelled(found.id)
        return view.render_status(found)

    @operation(
        "retry_sync_job",
        "Try again what failed of a job",
        rules=(policy.RETRY, *_OPTIONS),
        body=bodies.part,
        **_STARTS_WORK,
    )
    def retry_job(self, request: ValidRequest) -> JSON:
        """``POST /v1.0/{project}/os-sync/{job}/retry``"""
        found = self._get_to_run(request)
        if found.status == JobState.IN_PROGRESS:
            raise exception.Conflict(f"The job {found.id} is running")
        if found.undoes:
            raise exception.Conflict(
                f"The job {found.id} undoes the job {found.of_id}; undo that one again"
            )
        part = parts.read(found, request.body)
        self._job_retrier.retry(request.context, found, part, is_admin=request.rights.is_admin)
        return view.render_status(found)

    def _get_to_run(self, request: ValidRequest) -> db.Job:
        """Return the job of the path, if the caller may have its images synced.

        :raises kingbird.exception.Forbidden: a policy does not allow an option of the job.
        """
        found = get_job_or_404(request)
        for each in found.request:
            # The job's row decides who sees it.
            one = {**each, "all_projects": found.all_projects}
            request.rights.check_set(one, f"The job {found.id}")
        return found

    @operation(
        "undo_sync_job",
        "Undo what a job wrote",
        rules=(
            policy.UNDO,
            rule_policy.ORPHANS,
            policy.ALL_PROJECTS,
            policy.CREATE_ALL_PROJECTS,
        ),
        body=bodies.empty,
        **_STARTS_WORK,
    )
    def undo_job(self, request: ValidRequest) -> JSON:
        """``POST /v1.0/{project}/os-sync/{job}/undo``"""
        return self._start_from(request, self._job_creator.undo)

    @operation(
        "apply_sync_job",
        "Carry out the plan of a dry run",
        rules=(policy.APPLY, *_OPTIONS),
        body=bodies.empty,
        **_STARTS_WORK,
    )
    def apply_job(self, request: ValidRequest) -> JSON:
        """``POST /v1.0/{project}/os-sync/{job}/apply``"""
        return self._start_from(request, self._job_creator.apply)

    def _start_from(self, request: ValidRequest, create: Callable[..., db.Job]) -> JSON:
        """Create a job that carries on from the one of the path, and answer its status."""
        found = self._get_to_run(request)
        job = create(request.context, found, is_admin=request.rights.is_admin)
        return view.render_status(job)
