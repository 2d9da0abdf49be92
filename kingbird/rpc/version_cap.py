"""Choose the RPC version that may be sent while engines of two releases run."""

import logging
import threading
import time

from oslo_config import cfg
from oslo_utils import versionutils

from kingbird import exception
from kingbird.conf import upgrade_levels
from kingbird.db import api as db

LOG = logging.getLogger(__name__)

#: The version that engines of this release understand.  1.0: job_ready, job_with_token,
#: tasks_ready, job_cancelled.  1.1: marks_ready.  1.2: no further message; the engine knows the
#: resource types of jobs.
VERSION = "1.2"
#: The version that every engine understands, and that of messages that no later one added.
BASE_VERSION = "1.0"

#: Seconds for which the engines' versions are not read again.
CACHE_TTL = 10.0


def min_version(versions: set[str]) -> str:
    """Return the version that this release and engines of some versions understand."""
    return min(versions | {VERSION}, key=versionutils.convert_version_to_tuple)


class VersionCap:
    """Find the newest version to send, by ``[upgrade_levels] engine``.  Safe for threads."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._lock = threading.Lock()
        self._known = BASE_VERSION
        self._asked: float | None = None

    def get(self) -> str:
        """Return the version.  Without the database it is the last known one.  Never raises."""
        chosen: str = self._conf.upgrade_levels.engine
        if chosen != upgrade_levels.AUTO:
            return chosen
        with self._lock:
            now = time.monotonic()
            if self._asked is None or now - self._asked > CACHE_TTL:
                self._refresh(now)
            return self._known

    def _refresh(self, now: float) -> None:
        try:
            versions = db.engines.rpc_versions(db.engines.heartbeat_timeout(self._conf))
        except exception.Unavailable as error:
            LOG.debug(
                "Unable to read the engines' RPC versions, assuming %s: %s",
                self._known,
                error.message,
            )
            self._asked = now
            return
        # If no engine is alive, the first to start may be of any release.
        self._known = min_version(versions) if versions else BASE_VERSION
        self._asked = now if versions else None
