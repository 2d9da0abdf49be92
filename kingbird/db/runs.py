"""Restrict statements that end or change a job to one run of it.

A job that has ended can be retried, and its row then belongs to the next run.  An engine may have
waited for Keystone or the database meanwhile, with the row of the run before.  Each statement
names the run of the row as it was read, and changes nothing if that run is over.  Statements under
a lease name its generation too (``leases.fence``).
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection
from kingbird.db.models import Job


def of(job: Job) -> sa.ColumnElement[bool]:
    """Match a job's row if it is still in the run in which it was read.

    SQLite reuses the key of the row that was deleted last, so the id is compared too.
    """
    return sa.and_(Job.pk == job.pk, Job.id == job.id, Job.runs == job.runs)


def untouched(job: Job) -> sa.ColumnElement[bool]:
    """Match a job's row if no engine has claimed or planned any of it since it was read."""
    has_rest = Job.plan_rest.is_not(None)
    return sa.and_(
        of(job),
        Job.generation == job.generation,
        Job.engine_id.is_not_distinct_from(job.engine_id),
        Job.plan_parts == job.plan_parts,
        sa.not_(has_rest) if job.plan_rest is None else has_rest,
    )


def change(session: orm.Session, *where: sa.ColumnElement[bool], **values: Any) -> bool:
    """Change a job's row, and lock it for the rest of the transaction.

    Readers that have seen the row before find that it has changed.

    :param where: :func:`of` or :func:`untouched`, and further conditions.
    :returns: whether the row matched and was changed.
    """
    changed = sa.update(Job).where(*where).values(revision=Job.revision + 1, **values)
    return bool(connection.write(session, changed))
