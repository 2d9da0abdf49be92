"""Runs: the WHERE of every statement that ends or changes a job.

A job that has ended can be tried again, and then its row is the next run's.  An engine may have
waited meanwhile, for Keystone or for the database, with the row of the run before in its hands.
So each statement names the run that it is about, by the row as it was read, and finds nothing
where that run is over.  Who holds a lease names its generation besides (``leases.fence``).
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db.models import Job


def of(job: Job) -> sa.ColumnElement[bool]:
    """Match a job's row as long as it is in the run in which it was read.

    SQLite gives the key of a row that was deleted last to the next one, so the id counts too.
    """
    return sa.and_(Job.pk == job.pk, Job.id == job.id, Job.runs == job.runs)


def untouched(job: Job) -> sa.ColumnElement[bool]:
    """Match a job's row as long as no engine has taken or planned any of it since it was read."""
    has_rest = Job.plan_rest.is_not(None)
    return sa.and_(
        of(job),
        Job.generation == job.generation,
        Job.engine_id.is_not_distinct_from(job.engine_id),
        Job.plan_parts == job.plan_parts,
        sa.not_(has_rest) if job.plan_rest is None else has_rest,
    )


def change(session: orm.Session, *where: sa.ColumnElement[bool], **values: Any) -> bool:
    """Change a job's row, and hold it for the rest of the transaction.

    :param where: :func:`of` or :func:`untouched`, and what else has to be so.
    :returns: whether it was so; else nothing was changed.
    """
    result: Any = session.execute(
        sa.update(Job).where(*where).values(**values).execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)
