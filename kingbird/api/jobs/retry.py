"""Retry a job that has ended, with the rights of the user who requests it."""

import logging
from typing import cast

from oslo_config import cfg

from kingbird import exception
from kingbird.api.jobs import quotas
from kingbird.api.jobs.create import EngineRPC, IsAdmin
from kingbird.api.jobs.trusts import TrustManager, lifetime_of
from kingbird.clients import catalog as service_catalog
from kingbird.clients.keystone import Keystone, Trust
from kingbird.context import RequestContext
from kingbird.db import api as db
from kingbird.states import JobState, Reason

LOG = logging.getLogger(__name__)

NOT_DELIVERED = "The message with the user's token reached no engine"


class JobRetrier:
    """The retrier of jobs.  Safe for threads.

    The trust is created first: the job's row exists already, and one UPDATE stores the trust's id
    and reopens the job.
    """

    def __init__(self, conf: cfg.ConfigOpts, *, keystone: Keystone, engines: EngineRPC) -> None:
        self._conf = conf
        self._trusts = TrustManager(keystone)
        self._engines = engines

    def retry(
        self,
        context: RequestContext,
        job: db.Job,
        part: db.job_actions.Part | None = None,
        *,
        is_admin: IsAdmin,
    ) -> None:
        """Reopen the failed items of a job and wake an engine.

        :param part: the part of the job that is retried; all of it without one.
        :param is_admin: returns True if Glance accepts the caller as an admin.
        :raises kingbird.exception.Conflict: the job is in progress, or no item of it can be
            retried.
        :raises kingbird.exception.TooManyRequests: the project has too many jobs in progress.
        :raises kingbird.exception.Unauthorized: the caller's token is no longer valid.
        :raises kingbird.exception.Unavailable: Keystone or the database is unavailable, or the
            message with the token cannot be sent.
        """
        if job.status == JobState.IN_PROGRESS:
            raise exception.Conflict(f"The job {job.id} is running")
        quotas.check_job_quota(self._conf, job.project_id)
        lifetime = lifetime_of(self._conf, job.request)
        trust = self._trusts.create(context, job.id, lifetime=lifetime)
        if not self._reopen(context, job, part, trust, is_admin):
            if trust is not None:
                self._trusts.delete(context, trust.id, f"job {job.id}")
            raise exception.Conflict(
                f"The job {job.id} has no item {'there ' if part else ''}that failed, was "
                "cancelled or met an id that can't be used, or it is running again"
            )
        if trust is not None:
            self._engines.job_ready(context, job.id)
        else:
            self._send_with_token(context, job)
        LOG.info("Job %s retried", job.id)

    def _reopen(
        self,
        context: RequestContext,
        job: db.Job,
        part: db.job_actions.Part | None,
        trust: Trust | None,
        is_admin: IsAdmin,
    ) -> bool:
        try:
            items = db.job_actions.retry(
                job,
                user_id=cast(str, context.user_id),
                is_admin=is_admin(trust and [trust.role]),
                trust_id=trust and trust.id,
                request_id=context.request_id,
                global_request_id=context.global_request_id,
                part=part,
            )
        except BaseException:
            if trust is not None and self._trust_unused(job, trust):
                self._trusts.delete(context, trust.id, f"job {job.id}")
            raise
        return items > 0

    @staticmethod
    def _trust_unused(job: db.Job, trust: Trust) -> bool:
        """Return True if the job certainly does not use a trust, although the commit failed."""
        try:
            stored = db.jobs.get(job.project_id, job.id, with_all_projects=True)
        except Exception:
            # The reaper deletes the trust if no job names it.
            return False
        return stored is None or stored.trust_id != trust.id

    def _send_with_token(self, context: RequestContext, job: db.Job) -> None:
        """Send a job to the one engine that gets the user's token, or close it again."""
        endpoints = service_catalog.read(context.service_catalog, self._conf.glance.interface).urls
        try:
            self._engines.job_with_token(context, job.id, endpoints)
        except BaseException:
            try:
                reopened = db.jobs.get(job.project_id, job.id, with_all_projects=True)
                if reopened is not None and reopened.request_id == context.request_id:
                    db.job_ends.end_job(reopened, Reason.CREDENTIALS_LOST, NOT_DELIVERED)
            except Exception as error:
                # Engines close the job, because none of them has its token.
                why = exception.explain(error)
                LOG.warning("Unable to roll back the retry of job %s: %s", job.id, why)
            raise
