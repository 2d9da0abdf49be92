"""End jobs that no engine can work on, and delete orphaned trusts."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from oslo_config import cfg

from kingbird import exception
from kingbird.batching import batched
from kingbird.clients.keystone import Keystone
from kingbird.db import api as db
from kingbird.engine.completion import CANCELLED, end_job
from kingbird.engine.credentials import JobCredentials
from kingbird.states import Reason

LOG = logging.getLogger(__name__)

#: The duty of an engine whose reaper cleans up for all, and the rounds that it may leave out.
DUTY, ROUNDS = "reaper", 3
#: Seconds after which a job that was never accepted is deleted.
ACCEPTING_LIMIT = 600
#: Old jobs deleted in one round.
PURGED_AT_ONCE = 1000
#: Seconds for which a trust is seen that no job refers to before it is deleted.  A request that
#: has made it may have to wait for a connection to the database, and for a row that is locked.
ORPHANED_FOR = 90.0
#: Orphaned trusts that one round tries to delete.
DELETED_AT_ONCE = 1000
#: Jobs with tokens that one statement is about, which names each of them.
ADOPTED_AT_ONCE = 100

ENGINE_GONE = "The job ran with its user's own token, and the engine that held it is gone"


@dataclass(eq=False, repr=False)
class Reaper:
    """Clean up periodically.

    One engine at a time looks at what is nobody's: all would read the same tables at the same
    moment.  Another engine does so when that one has stopped for some rounds.  Several may run at
    the same time all the same.
    """

    conf: cfg.ConfigOpts
    engine_id: str
    keystone: Keystone
    access: JobCredentials
    clock: Callable[[], float] = time.monotonic
    #: When each orphaned trust was seen first.
    _orphaned: dict[str, float] = field(default_factory=dict, init=False)
    _refused: set[str] = field(default_factory=set, init=False)
    _database_was_down: bool = field(default=True, init=False)

    def run(self) -> None:
        """Clean up once.

        :raises kingbird.exception.Unavailable: the database is away.
        """
        try:
            self._end_own_jobs()
            seconds = self.conf.engine.reaper_interval * ROUNDS
            if not db.duties.hold(DUTY, self.engine_id, seconds):
                return
            if not self._database_was_down:
                self._end_jobs_of_others()
            self._database_was_down = False
        except exception.Unavailable:
            # Engines could send no heartbeat meanwhile, so the next round ignores heartbeats.
            self._database_was_down = True
            raise
        self._clean_up()
        if self.conf.engine.delete_stray_trusts:
            self._delete_orphaned_trusts()

    def _end_own_jobs(self) -> None:
        """End the jobs whose tokens this engine had, and has no more."""
        self.access.prune()
        for some in batched(sorted(self.access.token_jobs.items()), ADOPTED_AT_ONCE):
            db.leases.adopt(self.engine_id, dict(some))
        for job in db.maintenance.token_jobs_of(self.engine_id):
            if not self.access.has_token_for(job):
                self._isolated(job, self._end_lost)

    def _end_jobs_of_others(self) -> None:
        """End the jobs whose tokens no engine has."""
        lost = db.maintenance.token_jobs_without_engine(
            self.conf.sync.token_job_wait, db.engines.heartbeat_timeout(self.conf)
        )
        for job in lost:
            self._isolated(job, self._end_lost)

    def _end_lost(self, job: db.Job) -> None:
        """End a job whose credentials are lost."""
        if job.cancelled:
            end_job(self.access, job, Reason.CANCELLED, CANCELLED)
        else:
            end_job(self.access, job, Reason.CREDENTIALS_LOST, ENGINE_GONE)

    def _clean_up(self) -> None:
        db.maintenance.discard_unaccepted(ACCEPTING_LIMIT)
        db.tombstones.purge()
        db.image_states.purge(self.conf.sync.state_ttl, PURGED_AT_ONCE)
        db.fresh_states.purge(PURGED_AT_ONCE)
        db.metadef_states.purge(self.conf.sync.state_ttl, PURGED_AT_ONCE)
        days = self.conf.engine.purge_after_days
        if days:
            db.maintenance.purge(days * 86400, PURGED_AT_ONCE)
        for job in db.maintenance.ended_jobs_with_trust():
            self._isolated(job, self.access.revoke_trust)
        db.rule_ends.purge_jobs(self.conf.rules.keep_jobs)
        crowded = db.marks.replace_many(self.conf.rules.max_marks)
        if crowded:
            LOG.warning("%d rules had too many marks and get a full run instead", crowded)

    @staticmethod
    def _isolated(job: db.Job, action: Callable[[db.Job], None]) -> None:
        """Continue with other jobs if one raises an unexpected error."""
        try:
            action(job)
        except exception.Unavailable:
            raise
        except Exception:
            LOG.exception("Unable to end job %s", job.id)

    def _delete_orphaned_trusts(self) -> None:
        """Delete trusts that no job or rule refers to, and none has for some time.

        A trust is made before its job, or its retry, refers to it.  Only an outage of Keystone
        ends the round: a trust that Keystone refuses to delete keeps no other from it.
        """
        try:
            trusts = set(self.keystone.list_service_trusts())
            orphaned, now = trusts - db.maintenance.trusts_in_use(trusts), self.clock()
            self._orphaned = {one: self._orphaned.get(one, now) for one in orphaned}
            due = {one for one, since in self._orphaned.items() if now - since >= ORPHANED_FOR}
            self._refused &= due
            for trust_id in sorted(due, key=self._refused.__contains__)[:DELETED_AT_ONCE]:
                self._delete_orphaned_trust(trust_id)
        except exception.KeystoneUnavailable as error:
            LOG.warning("Unable to look for orphaned trusts: %s", error.message)

    def _delete_orphaned_trust(self, trust_id: str) -> None:
        try:
            self.keystone.delete_trust(trust_id)
        except exception.TrustRefused as error:
            self._refused.add(trust_id)
            LOG.warning("An orphaned trust stays, the next round will retry: %s", error.message)
        else:
            LOG.warning("Deleted an orphaned trust, which no job refers to")
