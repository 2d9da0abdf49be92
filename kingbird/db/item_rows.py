"""Change the rows of a job's items, at most :data:`LIMIT` of them in a transaction.

``kingbird.db.settling`` lets the others follow later; the job's row says how far they came.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection, counts, runs
from kingbird.db.clock import utc_now
from kingbird.db.counts import Counts
from kingbird.db.models import RETRY, Item, Job
from kingbird.states import STATE_OF, ItemState, Reason, TaskKind

#: The largest number of items that a transaction reads or changes.
LIMIT = 1000
#: The columns of an item that settling and counting read.
_COLUMNS = (
    Item.pk,
    Item.resource,
    Item.target_region,
    Item.status,
    Item.reason,
    Item.data,
    Item.bytes,
)

#: How far the rows of a job have followed, as its row holds it.
Progress = dict[str, Any]


def count_rows(rows: Sequence[Any]) -> Counts:
    """Return the numbers of some items."""
    total: Counts = Counts()
    for row in rows:
        total.update(counts.of(row.target_region, row.status, row.reason, row.data, row.bytes))
    return total


def page(session: orm.Session, job: Job, after: int) -> tuple[Sequence[Any], int]:
    """Return the next items in the order of the plan, whatever their state, and the last key."""
    query = sa.select(*_COLUMNS).where(Item.job_pk == job.pk, Item.pk > after)
    rows = session.execute(query.order_by(Item.pk).limit(LIMIT)).all()
    return rows, rows[-1].pk if rows else after


def end_some(
    session: orm.Session,
    reason: str,
    message: str,
    *where: sa.ColumnElement[bool],
    kind: str | None = None,
) -> tuple[Counts, bool]:
    """End items that nobody works on any more, at most :data:`LIMIT` of them.

    :param where: matches items of one job in one region, by an index.
    :param kind: the work that ends (:class:`kingbird.states.TaskKind`); ``None`` for all.
    :returns: the change of the numbers, and whether no such item is left.
    """
    query = sa.select(*_COLUMNS).where(Item.status == ItemState.IN_PROGRESS, *where)
    if kind is not None:
        waits = Item.data_since.is_not(None)
        query = query.where(waits if kind == TaskKind.DATA else sa.not_(waits))
    # One more tells whether these are the last ones, which end with their task.
    rows = session.execute(query.order_by(Item.rank, Item.pk).limit(LIMIT + 1)).all()
    return end_rows(session, rows[:LIMIT], reason, message), len(rows) <= LIMIT


def end_rows(session: orm.Session, rows: Sequence[Any], reason: str, message: str) -> Counts:
    """End some items, and return the change of the numbers."""
    state = STATE_OF[Reason(reason)]
    # An image that is there was found by an earlier run.  So is one whose record is in order.
    is_there = sa.or_(Item.action == RETRY, Item.data_since.is_not(None))
    at_end = [(Item.data == old, new) for old, new in counts.DATA_AT_END.items()]
    connection.update_rows(
        session,
        Item,
        [row.pk for row in rows],
        status=state,
        reason=reason,
        message=message,
        target_resource=sa.case((is_there, Item.target_resource), else_=sa.null()),
        data=sa.case(*at_end, else_=Item.data),
        work=sa.null(),
        updated_at=utc_now(),
    )
    return counts.moved(count_rows(rows), state, reason, counts.DATA_AT_END)


def end_rest(
    session: orm.Session, job: Job, numbers: Counts, reason: str, message: str
) -> tuple[Counts, Progress | None]:
    """End all items of a job that have not ended.

    :param numbers: of all items of the job.
    :returns: the change of the numbers, and how far the rows have followed; ``None`` if they
        all have.
    """
    if counts.of_items(numbers).total() <= LIMIT:
        query = sa.select(*_COLUMNS).where(
            Item.job_pk == job.pk, Item.status == ItemState.IN_PROGRESS
        )
        return end_rows(session, session.execute(query).all(), reason, message), None
    change = counts.moved(
        counts.open_ones(numbers), STATE_OF[Reason(reason)], reason, counts.DATA_AT_END
    )
    return change, beginning(job, reason, message)


def beginning(job: Job, reason: str, message: str) -> Progress:
    """Return that no row has followed the end of a job yet."""
    return {"run": job.runs, "reason": str(reason), "message": message, "after": 0}


def note(session: orm.Session, job: Job, **values: Any) -> None:
    """Note in a job's row how far the rows of its items have followed."""
    runs.change(session, Job.pk == job.pk, **values)
