"""Look up the job or the rule that a request's path names."""

from collections.abc import Callable
from typing import Any

from kingbird import exception
from kingbird.api.request import validation
from kingbird.api.request.operation import ValidRequest
from kingbird.db import api as db


def get_job_or_404(request: ValidRequest) -> db.Job:
    """Return the job that the request's path names; see :func:`_get_or_404`."""
    return _get_or_404(request, "job", db.jobs.get)


def get_job_version_or_404(request: ValidRequest) -> tuple[str, int, int]:
    """Return the version of the job that the request's path names; see :func:`_get_or_404`."""
    return _get_or_404(request, "job", db.job_versions.get)


def get_rule_or_404(request: ValidRequest) -> db.Rule:
    """Return the rule that the request's path names; see :func:`_get_or_404`."""
    return _get_or_404(request, "rule", db.rules.get)


def _get_or_404(request: ValidRequest, noun: str, get: Callable[..., Any]) -> Any:
    """Return the row of a noun that the request's path names.

    Only some callers can see rows about every project's images.

    :raises kingbird.exception.BadRequest: the path has no valid id.
    :raises kingbird.exception.NotFound: the project has no such row.
    """
    row_id = validation.parse_path_uuid(request.path[0], f"{noun} id")
    sees_all = request.rights.can_see_all_projects()
    found = get(request.project_id, row_id, with_all_projects=sees_all)
    if found is None:
        raise exception.NotFound(f"There is no {noun} {row_id}")
    return found
