"""Waits for a job's end."""

import time
from collections.abc import Callable
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions

from kingbird.osc.client import ApiError, SyncClient

IN_PROGRESS = "IN_PROGRESS"

#: Seconds between two looks at a job: at first, how much more each time, and at most.
FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 0.25, 1.4, 3.0
#: Seconds for which the API may be away before waiting is given up.
API_OUTAGE_LIMIT = 60.0

Job = dict[str, Any]


class Waiter:
    """Looks at a job again and again, ever more rarely.

    :param show: told what is known of the job at each look.
    :param sleep: waits for some seconds.
    :param now: a clock that never goes back, in seconds.
    """

    def __init__(
        self,
        client: SyncClient,
        show: Callable[[Job], object],
        *,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._show = show
        self._sleep = sleep
        self._now = now
        self._away_since: float | None = None

    def wait(self, job_id: str, timeout: float | None = None) -> Job:
        """Return the job when it has ended, or as it is when the time is over.

        :param timeout: seconds; for ever without.
        :raises ApiError: the API refuses, or was away for :data:`API_OUTAGE_LIMIT`.
        :raises keystoneauth1.exceptions.ClientException: the same.
        """
        deadline = None if timeout is None else self._now() + timeout
        pause = FIRST_PAUSE
        while True:
            job = self._look(job_id)
            left = float("inf") if deadline is None else deadline - self._now()
            if job is not None:
                self._show(job)
                if job["sync_status"] != IN_PROGRESS or left <= 0:
                    return job
            self._sleep(max(min(pause, left), 0.01))
            pause = min(pause * GROWTH, LONGEST_PAUSE)

    def _look(self, job_id: str) -> Job | None:
        """Return the job, or ``None`` when nobody answers just now."""
        try:
            job = self._client.job(job_id)
        except (ApiError, ksa_exceptions.ConnectFailure, ksa_exceptions.HttpError) as error:
            if not _is_transient(error):
                raise
            now = self._now()
            self._away_since = now if self._away_since is None else self._away_since
            if now - self._away_since >= API_OUTAGE_LIMIT:
                raise
            return None
        self._away_since = None
        return job


def _is_transient(error: Exception) -> bool:
    """Whether an error may be gone a moment later."""
    if isinstance(error, ApiError):
        return error.code == 429 or int(error.code) >= 500
    if isinstance(error, ksa_exceptions.HttpError):
        return error.http_status == 429 or error.http_status >= 500
    return True
