"""Tell by one statement whether jobs have changed, without reading them.

A version is the id of a job, the revision of its row, and a number that grows whenever one of its
tasks changes items.  The tasks of a job that has ended do not count.
"""

from collections.abc import Collection
from typing import Any, Unpack

import sqlalchemy as sa

from kingbird.db import connection, jobs, pagination
from kingbird.db.models import Job, Task
from kingbird.states import ENDED_JOB_STATES

Version = tuple[str, int, int]

_OF_TASKS = (
    sa.select(sa.func.coalesce(sa.func.sum(Task.revision), 0))
    .where(Task.job_pk == Job.pk)
    .scalar_subquery()
)
_COLUMNS = (
    Job.pk,
    Job.id,
    Job.revision,
    sa.case((Job.status.in_(ENDED_JOB_STATES), 0), else_=_OF_TASKS).label("task_revision"),
)


def _version(row: Any) -> Version:
    # A sum is a decimal number on some databases.
    return row.id, row.revision, int(row.task_revision)


def get(project_id: str, job_id: str, *, with_all_projects: bool = False) -> Version | None:
    """Return the version of a project's job, or ``None``.

    :param with_all_projects: include jobs about every project's images.
    """
    query = jobs.visible(project_id, with_all_projects=with_all_projects)
    found = connection.rows(query.where(Job.id == job_id).with_only_columns(*_COLUMNS))
    return _version(found[0]) if found else None


@connection.retry_on_disconnect
def list_versions(
    project_id: str | None,
    *,
    with_all_projects: bool,
    rule_id: str | None = None,
    status: Collection[str] | None = None,
    **wanted: Unpack[pagination.Wanted],
) -> list[Version]:
    """Return the versions of a page of jobs.

    The parameters are those of :func:`kingbird.db.job_details.list_details`.

    :raises kingbird.exception.BadRequest: the list has no such marker, or sort key.
    """
    query = jobs.visible(project_id, with_all_projects=with_all_projects)
    with connection.reader() as session:
        found = pagination.page(
            session,
            query.with_only_columns(*_COLUMNS),
            Job,
            *jobs.narrower(rule_id=rule_id, status=status),
            keys=pagination.JOB_KEYS,
            **wanted,
        )
        return [_version(row) for row in found]
