"""Say what undoing a job would do, and which job undid it."""

from collections.abc import Sequence
from typing import Any

from kingbird_dashboard.api import jobs
from kingbird_dashboard.api.client import ServiceError

_OPEN = "IN_PROGRESS"
#: The reasons of items of which a job wrote something.
WRITTEN = ("created", "imported", "updated")


def undone_by(job_id: str, newest: Sequence[dict[str, Any]]) -> str:
    """Return the job that has undone a job, or does so now; else an empty text.

    :param job_id: a job that is no dry run.
    :param newest: the details of the newest jobs.
    """
    found = (
        one["id"]
        for one in newest
        if one["of"] == job_id and one["sync_status"] in (_OPEN, "SUCCESS")
    )
    return next(found, "")


def is_undo(
    request: Any, job: dict[str, Any], newest: Sequence[dict[str, Any]], project: str = ""
) -> bool:
    """Return whether a job undoes another one: the one that it names is no dry run.

    :param newest: the details of the newest jobs.
    """
    if job["dry_run"] or not job["of"]:
        return False
    named = next((one for one in newest if one["id"] == job["of"]), None)
    try:
        named = named or jobs.show(request, job["of"], project=project, limit=1).body["job"]
    except ServiceError:
        # It was deleted: only its items tell.
        return any(word in job["outcomes"] for word in ("undone", "kept", "touched"))
    return not named["dry_run"]


def written(job: dict[str, Any]) -> int:
    """Return the number of images of which a job wrote something, in all regions."""
    return sum(job["outcomes"].get(word, 0) for word in WRITTEN)
