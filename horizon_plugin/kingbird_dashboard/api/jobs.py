"""Jobs: list them, show one, and act on it."""

from collections.abc import Sequence
from typing import Any

from kingbird_dashboard.api import client

#: The most items of a job that a page shows.
ITEMS = 1000


def list_details(request: Any, etag: str = "", **query: Any) -> client.Answer:
    """Return a page of jobs with the numbers of their items."""
    return client.call(request, "GET", "os-sync/detail", query=query, etag=etag)


def list_newest(request: Any, *, all_projects: bool = False) -> list[dict[str, Any]]:
    """Return the details of the newest jobs; the API has no call for those of one job."""
    scope = "true" if all_projects else None
    found: list[dict[str, Any]] = list_details(request, limit=100, all_projects=scope).body[
        "job_set"
    ]
    return found


def show(
    request: Any, job_id: str, etag: str = "", project: str = "", **query: Any
) -> client.Answer:
    """Return a job and a page of its items."""
    path = f"os-sync/{job_id}"
    return client.call(request, "GET", path, query=query, etag=etag, project=project)


def create(request: Any, sets: Sequence[dict[str, Any]]) -> str:
    """Create a job, and return its id."""
    wanted: Any = sets[0] if len(sets) == 1 else {"Sync": list(sets)}
    return _job_id(client.call(request, "POST", "os-sync", body={"resource_set": wanted}))


def act(
    request: Any,
    job_id: str,
    what: str,
    part: dict[str, Any] | None = None,
    project: str = "",
) -> str:
    """Cancel, retry, apply or undo a job, and return the id of the job that then runs.

    :param part: ``regions`` or ``resources``, for a part of the job.
    """
    path = f"os-sync/{job_id}/{what}"
    return _job_id(client.call(request, "POST", path, body=part or None, project=project))


def delete(request: Any, job_id: str, project: str = "") -> None:
    """Delete a job that has ended."""
    client.call(request, "DELETE", f"os-sync/{job_id}", project=project)


def _job_id(answer: client.Answer) -> str:
    return answer.body["job_status"]["id"]
