"""Sets a job that has ended going again, with the rights of who asks for it."""

import logging
from typing import cast

from oslo_config import cfg

from kingbird import exception
from kingbird.api.jobs import quotas
from kingbird.api.jobs.create import EngineRPC, IsAdmin
from kingbird.api.jobs.trusts import TrustManager
from kingbird.clients.keystone import Keystone, Trust, image_endpoints
from kingbird.context import RequestContext
from kingbird.db import api as db
from kingbird.states import JobState, Reason

LOG = logging.getLogger(__name__)

NOT_DELIVERED = "The message with the user's token reached no engine"


class JobRetrier:
    """Tries jobs again.  Safe for threads.

    The trust comes first here: the job's row is there already, and one UPDATE makes it name the
    trust and sets it going.
    """

    def __init__(self, conf: cfg.ConfigOpts, *, keystone: Keystone, engines: EngineRPC) -> None:
        self._conf = conf
        self._trusts = TrustManager(keystone)
        self._engines = engines

    def retry(self, context: RequestContext, job: db.Job, *, is_admin: IsAdmin) -> None:
        """Let what failed of a job be tried again, and wake an engine.

        :param is_admin: tells whether Glance will take the caller for an admin.
        :raises kingbird.exception.Conflict: the job runs, or nothing of it failed.
        :raises kingbird.exception.TooManyRequests: the project has too many jobs in progress.
        :raises kingbird.exception.Unavailable: Keystone or the database is away, or the message
            that has to arrive can't be sent.
        """
        if job.status == JobState.IN_PROGRESS:
            raise exception.Conflict(f"The job {job.id} is running")
        quotas.check_job_quota(self._conf, job.project_id)
        trust = self._trusts.create(context, job.id)
        if not self._reopen(context, job, trust, is_admin):
            if trust is not None:
                self._trusts.delete(context, trust, job.id)
            raise exception.Conflict(
                f"The job {job.id} has no item that failed, was cancelled or met an id that "
                "can't be used, or it is running again"
            )
        if trust is not None:
            self._engines.job_ready(context, job.id)
        else:
            self._send_with_token(context, job)
        LOG.info("Job %s retried", job.id)

    def _reopen(
        self, context: RequestContext, job: db.Job, trust: Trust | None, is_admin: IsAdmin
    ) -> bool:
        try:
            items = db.job_actions.retry(
                job,
                user_id=cast(str, context.user_id),
                is_admin=is_admin(trust and [trust.role]),
                trust_id=trust and trust.id,
                request_id=context.request_id,
                global_request_id=context.global_request_id,
            )
        except BaseException:
            if trust is not None and self._trust_unused(job, trust):
                self._trusts.delete(context, trust, job.id)
            raise
        return items > 0

    @staticmethod
    def _trust_unused(job: db.Job, trust: Trust) -> bool:
        """Whether a job surely has not begun with a trust, as when a commit's answer was lost."""
        try:
            stored = db.jobs.get(job.project_id, job.id, with_all_projects=True)
        except Exception:
            # Engines delete the trust if no job names it.
            return False
        return stored is None or stored.trust_id != trust.id

    def _send_with_token(self, context: RequestContext, job: db.Job) -> None:
        """Give a job to the one engine that will get the user's token, or end it again."""
        endpoints = image_endpoints(context.service_catalog, self._conf.glance.interface)
        try:
            self._engines.job_with_token(context, job.id, endpoints)
        except BaseException:
            try:
                begun = db.jobs.get(job.project_id, job.id, with_all_projects=True)
                if begun is not None and begun.request_id == context.request_id:
                    db.outcomes.end_job(begun, Reason.CREDENTIALS_LOST, NOT_DELIVERED)
            except Exception as error:
                # Engines end it, as nobody has its token.
                LOG.warning("Unable to roll back the retry of job %s: %s", job.id, error)
            raise
