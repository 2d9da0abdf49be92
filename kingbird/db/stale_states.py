"""Delete states that a comparison has not found again before it stores what it has found.

One transaction stores a batch of findings, and another one the end of a part.  A comparison
may find that tens of thousands of images are in order which were not before, so their rows are
deleted ahead of that transaction, a batch at a time, until less than a batch is left for it.  An
engine that loses its lease in between has deleted nothing that is still true.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection
from kingbird.db.leases import Claim, fence


@connection.retry_on_disconnect
def clear(
    claim: Claim,
    query: Any,
    column: Any,
    delete: Callable[[orm.Session, Sequence[sa.Row[Any]]], int],
) -> None:
    """Delete rows, a batch a transaction, until a query finds less than a batch.

    :param claim: the claim on the job that is planned.
    :param query: a SELECT of rows that may be stale.
    :param column: the column by whose order they are read; the query selects it first.
    :param delete: deletes those rows of a batch that are stale, and returns their number.
    :raises kingbird.exception.LeaseLost: another engine plans the job.
    """
    first = None
    while True:
        rest: list[Any] = [] if first is None else [column >= first]
        with connection.reader() as session:
            page = session.execute(
                query.where(*rest).order_by(column).limit(connection.BATCH)
            ).all()
        if len(page) < connection.BATCH:
            return
        with connection.writer() as session:
            fence(session, claim)
            number = delete(session, page)
        # Rows that are kept are read again with those that have the same value.
        if not number and page[-1][0] == first:
            return
        first = page[-1][0]
