"""Wait for a job's end."""

import time
from collections.abc import Callable

from keystoneauth1 import exceptions as ksa_exceptions

from kingbird.osc.client import ApiError, SeenJob, SyncClient
from kingbird.osc.output import JSON

#: Seconds between two polls: at first, the factor of growth, and the maximum.
FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 0.25, 1.4, 3.0
#: Seconds of an API outage after which waiting ends.
API_OUTAGE_LIMIT = 60.0


def wait_for_end(
    client: SyncClient, job_id: str, show: Callable[[JSON], object], timeout: float | None = None
) -> JSON:
    """Poll a job, at growing intervals, until it has ended or the time is over, and return it.

    :param show: called with the job after each poll.
    :param timeout: seconds; no limit if not given.
    :raises ApiError: the API returned an error, or was unavailable for :data:`API_OUTAGE_LIMIT`.
    :raises keystoneauth1.exceptions.ClientException: the same for the connection.
    """
    deadline = float("inf") if timeout is None else time.monotonic() + timeout
    away_since: float | None = None
    seen: SeenJob | None = None
    interval = FIRST_PAUSE
    while True:
        try:
            # Nothing is read and sent again while nothing has changed.
            seen = client.poll(job_id, seen)
        except (ApiError, ksa_exceptions.ConnectFailure, ksa_exceptions.HttpError) as error:
            now = time.monotonic()
            away_since = now if away_since is None else away_since
            if not _is_transient(error) or now - away_since >= API_OUTAGE_LIMIT:
                raise
            remaining = deadline - now
        else:
            away_since = None
            remaining = deadline - time.monotonic()
            job = seen.job
            show(job)
            if job["sync_status"] != "IN_PROGRESS" or remaining <= 0:
                return job
        time.sleep(max(min(interval, remaining), 0.01))
        interval = min(interval * GROWTH, LONGEST_PAUSE)


def _is_transient(error: Exception) -> bool:
    """Return True if a retry may succeed."""
    if isinstance(error, ApiError):
        return error.code == 429 or int(error.code) >= 500
    if isinstance(error, ksa_exceptions.HttpError):
        return error.http_status == 429 or error.http_status >= 500
    return True
