"""Jobs that are to be cancelled.  The database says which; a message says to look now."""

import logging
import threading
import time

from kingbird import exception
from kingbird.db import api as db

LOG = logging.getLogger(__name__)

#: Seconds between two looks into the database for one job.
LOOK = 1.0


class Cancellations:
    """Which of an engine's jobs are to be cancelled.  Safe for threads.

    A job that is tried again after it was cancelled is another run, and not cancelled.
    """

    def __init__(self) -> None:
        self._asked: set[tuple[str, int]] = set()
        self._looked: dict[str, float] = {}
        self._lock = threading.Lock()

    def hint(self, job_id: str) -> None:
        """Have the next look go to the database."""
        with self._lock:
            self._looked.pop(job_id, None)

    def asked(self, job: db.Job) -> bool:
        """Whether a job is known to be cancelled.  Looks nowhere."""
        return job.cancelled or (job.id, job.runs) in self._asked

    def look(self, job: db.Job) -> bool:
        """Whether a job is to be cancelled, by what the database said a moment ago.

        :raises kingbird.exception.Unavailable: the database is away.
        """
        if self.asked(job):
            return True
        now = time.monotonic()
        with self._lock:
            if now - self._looked.get(job.id, -LOOK) < LOOK:
                return False
            self._looked[job.id] = now
        if job.id in db.job_actions.cancelled([job.id]):
            with self._lock:
                self._asked.add((job.id, job.runs))
        return self.asked(job)

    def look_waiting(self, job: db.Job) -> bool:
        """Like :meth:`look`, for who goes on anyway while the database is away."""
        try:
            return self.look(job)
        except exception.Unavailable:
            LOG.debug("Unable to look for a cancellation of job %s: database unavailable", job.id)
            return self.asked(job)

    def check(self, job: db.Job) -> None:
        """Go on only if a job is not to be cancelled.

        :raises kingbird.exception.Cancelled: it is.
        """
        self.look(job)
        self.check_known(job)

    def check_waiting(self, job: db.Job) -> None:
        """Like :meth:`check`, for who waits anyway: the database may be away meanwhile.

        :raises kingbird.exception.Cancelled: the job is to be cancelled.
        """
        self.look_waiting(job)
        self.check_known(job)

    def check_known(self, job: db.Job) -> None:
        """Go on only if a job is not known to be cancelled.  Looks nowhere.

        :raises kingbird.exception.Cancelled: it is.
        """
        if self.asked(job):
            raise exception.Cancelled(f"Job {job.id} is cancelled")

    def forget(self, job_id: str) -> None:
        """Drop what is known of a job that has ended."""
        with self._lock:
            self._asked = {one for one in self._asked if one[0] != job_id}
            self._looked.pop(job_id, None)
