"""Find out which jobs are to be cancelled.

The database says so.  The message ``job_cancelled`` only saves waiting for the next query.
"""

import logging
import math
import threading
import time
from typing import Any

from kingbird import exception
from kingbird.db import api as db

LOG = logging.getLogger(__name__)

#: Seconds between two queries about one job.
POLL_INTERVAL = 1.0


class Cancellations:
    """Remember which runs of an engine's jobs are to be cancelled.  Safe for threads."""

    def __init__(self) -> None:
        #: Job id and run: the run after a retry is not cancelled.
        self._cancelled: set[tuple[str, int]] = set()
        #: The parts of a run that are cancelled, as of the last query.
        self._parts: dict[tuple[str, int], list[dict[str, Any]]] = {}
        #: The monotonic time of the last query, by job id.
        self._checked: dict[str, float] = {}
        self._lock = threading.Lock()

    def mark_stale(self, job_id: str) -> None:
        """Make the next check of a job query the database."""
        with self._lock:
            self._checked.pop(job_id, None)

    def is_cancelled(self, job: db.Job, *, ignore_outage: bool = False) -> bool:
        """Return whether a job is to be cancelled, as of at most ``POLL_INTERVAL`` ago.

        :param ignore_outage: answer from memory while the database is unavailable.
        :raises kingbird.exception.Unavailable: the database is unavailable.
        """
        run = (job.id, job.runs)
        if job.cancelled or run in self._cancelled:
            return True
        if not self._is_due(job.id):
            return False
        found = False
        parts: list[dict[str, Any]] = []
        try:
            found, parts = db.job_actions.cancellation(job)
        except exception.Unavailable:
            if not ignore_outage:
                raise
            LOG.debug("Unable to look for a cancellation of job %s: database unavailable", job.id)
        finally:
            with self._lock:
                if found:
                    self._cancelled.add(run)
                if parts:
                    self._parts[run] = [
                        {name: each and frozenset(each) for name, each in part.items()}
                        for part in parts
                    ]
                if job.id in self._checked:
                    self._checked[job.id] = time.monotonic()
        return found

    def leaves_out(self, job: db.Job, region: str, resource: str) -> bool:
        """Return whether an item is in a part of a job that is cancelled.

        It is as new as the last answer of :meth:`is_cancelled`.
        """
        parts = self._parts.get((job.id, job.runs)) or job.cancelled_parts or ()
        return any(
            (part["regions"] is None or region in part["regions"])
            and (part["resources"] is None or resource in part["resources"])
            for part in parts
        )

    def _is_due(self, job_id: str) -> bool:
        """Return whether the caller has to query the database.

        No second thread does so meanwhile, as the database may not answer for long.
        """
        now = time.monotonic()
        with self._lock:
            if now - self._checked.get(job_id, -POLL_INTERVAL) < POLL_INTERVAL:
                return False
            recent = {each: at for each, at in self._checked.items() if now - at < POLL_INTERVAL}
            self._checked = {**recent, job_id: math.inf}
            return True

    def raise_if_cancelled(self, job: db.Job, *, ignore_outage: bool = False) -> None:
        """Raise an error if a job is to be cancelled; see :meth:`is_cancelled`.

        :raises kingbird.exception.Cancelled: the job is to be cancelled.
        """
        if self.is_cancelled(job, ignore_outage=ignore_outage):
            raise exception.Cancelled(f"Job {job.id} is cancelled")

    def prune(self) -> None:
        """Forget jobs that have ended.

        :raises kingbird.exception.Unavailable: the database is unavailable.
        """
        with self._lock:
            known = {job_id for job_id, _ in (*self._cancelled, *self._parts)}
        ended = known - db.maintenance.still_open(known)
        with self._lock:
            self._cancelled = {run for run in self._cancelled if run[0] not in ended}
            self._parts = {run: each for run, each in self._parts.items() if run[0] not in ended}
