"""Jobs that are to be cancelled.  The database says which; a message says to look now."""

import logging
import threading
import time

from kingbird import exception
from kingbird.db import api as db

LOG = logging.getLogger(__name__)

#: Seconds between two looks into the database for one job.
POLL_INTERVAL = 1.0


class Cancellations:
    """Which of an engine's jobs are to be cancelled.  Safe for threads.

    A job that is tried again after it was cancelled is another run, and not cancelled.
    """

    def __init__(self) -> None:
        self._asked: set[tuple[str, int]] = set()
        self._looked: dict[str, float] = {}
        self._lock = threading.Lock()

    def mark_stale(self, job_id: str) -> None:
        """Have the next look go to the database."""
        with self._lock:
            self._looked.pop(job_id, None)

    def is_known(self, job: db.Job) -> bool:
        """Whether a job is known to be cancelled.  Looks nowhere."""
        return job.cancelled or (job.id, job.runs) in self._asked

    def is_cancelled(self, job: db.Job) -> bool:
        """Whether a job is to be cancelled, by what the database said a moment ago.

        :raises kingbird.exception.Unavailable: the database is away.
        """
        if self.is_known(job):
            return True
        now = time.monotonic()
        with self._lock:
            if now - self._looked.get(job.id, -POLL_INTERVAL) < POLL_INTERVAL:
                return False
            self._looked[job.id] = now
        if job.id in db.job_actions.filter_cancelled([job.id]):
            with self._lock:
                self._asked.add((job.id, job.runs))
        return self.is_known(job)

    def is_cancelled_if_known(self, job: db.Job) -> bool:
        """Like :meth:`is_cancelled`, for who goes on anyway while the database is away."""
        try:
            return self.is_cancelled(job)
        except exception.Unavailable:
            LOG.debug("Unable to look for a cancellation of job %s: database unavailable", job.id)
            return self.is_known(job)

    def raise_if_cancelled(self, job: db.Job) -> None:
        """Go on only if a job is not to be cancelled.

        :raises kingbird.exception.Cancelled: it is.
        """
        self.is_cancelled(job)
        self.raise_if_marked(job)

    def raise_if_known(self, job: db.Job) -> None:
        """Raise like :meth:`raise_if_cancelled`, but go on while the database is away.

        :raises kingbird.exception.Cancelled: the job is to be cancelled.
        """
        self.is_cancelled_if_known(job)
        self.raise_if_marked(job)

    def raise_if_marked(self, job: db.Job) -> None:
        """Go on only if a job is not known to be cancelled.  Looks nowhere.

        :raises kingbird.exception.Cancelled: it is.
        """
        if self.is_known(job):
            raise exception.Cancelled(f"Job {job.id} is cancelled")

    def forget(self, job_id: str) -> None:
        """Drop what is known of a job that has ended."""
        with self._lock:
            self._asked = {one for one in self._asked if one[0] != job_id}
            self._looked.pop(job_id, None)
