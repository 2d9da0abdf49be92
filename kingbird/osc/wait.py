"""Wait for a job's end."""

import time
from collections.abc import Callable
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions

from kingbird.osc.client import ApiError, SyncClient

IN_PROGRESS = "IN_PROGRESS"

#: Seconds between two polls: at first, the factor of growth, and the maximum.
FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 0.25, 1.4, 3.0
#: Seconds of an API outage after which waiting ends.
API_OUTAGE_LIMIT = 60.0

Job = dict[str, Any]


class Waiter:
    """A poller of a job, with a growing interval.

    :param show: called with the job after each poll.
    :param sleep: waits for some seconds.
    :param now: a monotonic clock in seconds.
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
        """Poll until the job has ended or the time is over, and return the job.

        :param timeout: seconds; no limit if not given.
        :raises ApiError: the API returned an error, or was unavailable for
            :data:`API_OUTAGE_LIMIT`.
        :raises keystoneauth1.exceptions.ClientException: the same for the connection.
        """
        deadline = None if timeout is None else self._now() + timeout
        interval = FIRST_PAUSE
        while True:
            job = self._get_job(job_id)
            remaining = float("inf") if deadline is None else deadline - self._now()
            if job is not None:
                self._show(job)
                if job["sync_status"] != IN_PROGRESS or remaining <= 0:
                    return job
            self._sleep(max(min(interval, remaining), 0.01))
            interval = min(interval * GROWTH, LONGEST_PAUSE)

    def _get_job(self, job_id: str) -> Job | None:
        """Return the job, or ``None`` if the API is unavailable for the moment."""
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
    """Return True if a retry may succeed."""
    if isinstance(error, ApiError):
        return error.code == 429 or int(error.code) >= 500
    if isinstance(error, ksa_exceptions.HttpError):
        return error.http_status == 429 or error.http_status >= 500
    return True
