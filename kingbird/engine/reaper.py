"""Ends what nobody works on any more, and deletes trusts that were left behind."""

import logging
from collections.abc import Callable

from oslo_config import cfg

from kingbird import exception
from kingbird.clients.keystone import Keystone
from kingbird.db import api as db
from kingbird.engine.completion import CANCELLED, end_job
from kingbird.engine.credentials import JobCredentials
from kingbird.states import Reason

LOG = logging.getLogger(__name__)

#: Seconds after which a row whose API process never finished accepting it goes.
ACCEPTING_LIMIT = 600
#: Old jobs deleted in one round.
PURGED_AT_ONCE = 1000

ENGINE_GONE = "The job ran with its user's own token, and the engine that held it is gone"


class Reaper:
    """One runs in every engine; what two of them do at once does no harm."""

    def __init__(
        self, conf: cfg.ConfigOpts, engine_id: str, keystone: Keystone, access: JobCredentials
    ) -> None:
        self._conf = conf
        self._engine_id = engine_id
        self._keystone = keystone
        self._access = access
        self._unnamed: set[str] = set()
        self._database_was_down = True

    def run(self) -> None:
        """Make one round.

        :raises kingbird.exception.Unavailable: the database is away.
        """
        try:
            self._end_jobs(check_engines=not self._database_was_down)
            self._database_was_down = False
        except exception.Unavailable:
            # While it was away no engine could give a sign of life: none is judged by that
            # in the first round after it.
            self._database_was_down = True
            raise
        self._clean_up()
        if self._conf.engine.delete_stray_trusts:
            self._delete_unnamed_trusts()

    def _end_jobs(self, *, check_engines: bool) -> None:
        self._access.prune()
        held = self._access.token_jobs
        if held:
            db.leases.adopt(self._engine_id, held)
        lost = [
            job
            for job in db.maintenance.token_jobs_of(self._engine_id)
            if not self._access.has_token_for(job)
        ]
        if check_engines:
            silence = db.engines.heartbeat_timeout(self._conf)
            lost += db.maintenance.token_jobs_without_engine(
                self._conf.sync.token_job_wait, silence
            )
        for job in lost:
            self._isolated(job, self._end_lost)

    def _end_lost(self, job: db.Job) -> None:
        """End a job that nobody has credentials for; its user may have asked for its end."""
        if job.cancelled:
            end_job(self._access, job, Reason.CANCELLED, CANCELLED)
        else:
            end_job(self._access, job, Reason.CREDENTIALS_LOST, ENGINE_GONE)

    def _clean_up(self) -> None:
        db.maintenance.discard_unaccepted(ACCEPTING_LIMIT)
        db.tombstones.purge()
        days = self._conf.engine.purge_after_days
        if days:
            db.maintenance.purge(days * 86400, PURGED_AT_ONCE)
        for job in db.maintenance.ended_jobs_with_trust():
            self._isolated(job, self._access.revoke_trust)

    @staticmethod
    def _isolated(job: db.Job, action: Callable[[db.Job], None]) -> None:
        """Keep what is wrong with one job from the others."""
        try:
            action(job)
        except exception.Unavailable:
            raise
        except Exception:
            LOG.exception("Unable to end job %s", job.id)

    def _delete_unnamed_trusts(self) -> None:
        """Delete trusts that no job names, if they were unnamed in the last round too.

        A trust is made a moment before its job names it.
        """
        try:
            trusts = set(self._keystone.list_service_trusts())
            unnamed = trusts - db.maintenance.trusts_in_use(trusts)
            for trust_id in unnamed & self._unnamed:
                self._keystone.delete_trust(trust_id)
                LOG.warning("Deleted an orphaned trust, which no job refers to")
            self._unnamed = unnamed - self._unnamed
        except exception.KeystoneUnavailable as error:
            LOG.warning("Unable to look for orphaned trusts: %s", error.message)
