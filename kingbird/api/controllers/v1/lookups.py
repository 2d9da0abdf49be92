"""Look up the job or the rule that a request's path names."""

from collections.abc import Callable
from typing import Any

from kingbird import exception
from kingbird.api.request import validation
from kingbird.api.request.authorization import Authorizer
from kingbird.api.request.operation import ValidRequest
from kingbird.db import api as db


def get_job_or_404(request: ValidRequest, authorizer: Authorizer) -> db.Job:
    """Return the job that the request's path names; see :func:`_get_or_404`."""
    job: db.Job = _get_or_404(request, authorizer, "job", db.jobs.get)
    return job


def get_job_version_or_404(request: ValidRequest, authorizer: Authorizer) -> tuple[str, int, int]:
    """Return the version of the job that the request's path names; see :func:`_get_or_404`."""
    version: tuple[str, int, int] = _get_or_404(request, authorizer, "job", db.job_versions.get)
    return version


def get_rule_or_404(request: ValidRequest, authorizer: Authorizer) -> db.Rule:
    """Return the rule that the request's path names; see :func:`_get_or_404`."""
    rule: db.Rule = _get_or_404(request, authorizer, "rule", db.rules.get)
    return rule


def _get_or_404(
    request: ValidRequest, authorizer: Authorizer, noun: str, get: Callable[..., Any]
) -> Any:
    """Return the row of a noun that the request's path names.

    Only some callers can see rows about every project's images.

    :raises kingbird.exception.BadRequest: the path has no valid id.
    :raises kingbird.exception.NotFound: the project has no such row.
    """
    row_id = validation.parse_path_uuid(request.path[0], f"{noun} id")
    sees_all = authorizer.can_see_all_projects(request.context, request.project_id)
    found = get(request.project_id, row_id, with_all_projects=sees_all)
    if found is None:
        raise exception.NotFound(f"There is no {noun} {row_id}")
    return found
