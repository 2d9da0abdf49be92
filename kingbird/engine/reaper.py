"""Ends what nobody works on any more, and deletes trusts that were left behind."""

import logging

from oslo_config import cfg

from kingbird import exception
from kingbird.clients.keystone import Keystone
from kingbird.db import api as db
from kingbird.engine.access import Access
from kingbird.engine.closing import close_job, fail_job

LOG = logging.getLogger(__name__)

#: Seconds after which a row whose API process never finished accepting it goes.
ACCEPTING_LIMIT = 600


class Reaper:
    """One runs in every engine; what two of them do at once does no harm."""

    def __init__(self, conf: cfg.ConfigOpts, keystone: Keystone, access: Access) -> None:
        self._conf = conf
        self._keystone = keystone
        self._access = access
        self._unnamed: set[str] = set()

    def run(self) -> None:
        """Make one round.

        :raises kingbird.exception.Unavailable: the database is away.
        """
        db.reaping.discard_unaccepted(ACCEPTING_LIMIT)
        db.tombstones.purge()
        self._access.forget_ended()
        for job in db.reaping.finished_but_open():
            close_job(self._access, job)
        silence = 2 * self._conf.engine.lease
        for job in db.reaping.token_jobs_without_engine(self._conf.sync.token_job_wait, silence):
            fail_job(
                self._access,
                job,
                "credentials_lost",
                "The job ran with its user's own token, and the engine that held it is gone",
            )
        for job in db.reaping.ended_with_trust():
            self._access.close(job)
        self._delete_unnamed_trusts()

    def _delete_unnamed_trusts(self) -> None:
        """Delete trusts that no job names, if they were unnamed in the last round too.

        A trust is made a moment before its job names it.
        """
        try:
            trusts = set(self._keystone.trusts_to_me())
            unnamed = trusts - db.reaping.named_trusts(trusts)
            for trust_id in unnamed & self._unnamed:
                self._keystone.delete_trust(trust_id)
                LOG.warning("Deleted a trust that no job names")
            self._unnamed = unnamed - self._unnamed
        except exception.KeystoneUnavailable as error:
            LOG.warning("Trusts left behind can't be looked for now: %s", error.message)
