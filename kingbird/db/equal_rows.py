"""Update the rows that get the same values with one statement.

A driver sends a statement for each row otherwise, and waits for each answer.
"""

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird import lenient_json
from kingbird.batching import batched
from kingbird.db import batches, connection

#: The key of a row's primary key among its values.
ROW = "row"
#: Rows with the same values that are written one by one.
FEW = 4


def update(
    session: orm.Session,
    statement: sa.Update,
    column: sa.ColumnElement[Any],
    rows: Iterable[batches.Row],
    execute: batches.Execute,
    substitute: Callable[[batches.Row], batches.Row],
) -> list[batches.Row]:
    """Update rows in a transaction of :func:`kingbird.db.batches.write`.

    :param statement: has the values of all rows.
    :param column: the primary key.
    :param rows: the values of each row, and its primary key as :data:`ROW`.
    :param substitute: returns what takes the place of values that the database refuses.
    :returns: the rows as they were written.
    """
    groups: dict[bytes, list[batches.Row]] = {}
    for row in rows:
        key = lenient_json.dumps({name: value for name, value in row.items() if name != ROW})
        groups.setdefault(key, []).append(row)
    written: list[batches.Row] = []
    single: dict[tuple[str, ...], list[batches.Row]] = {}
    for group in groups.values():
        if len(group) < FEW:
            single.setdefault(tuple(group[0]), []).extend(group)
            continue
        values = {name: value for name, value in group[0].items() if name != ROW}
        for some in batched(group, connection.BATCH):
            same = statement.where(column.in_([row[ROW] for row in some]))
            (stored,) = execute(session, same, [values], substitute)
            written += [{**stored, ROW: row[ROW]} for row in some]
    for some in single.values():
        one = statement.where(column == sa.bindparam(ROW))
        written += execute(session, one, some, substitute)
    return written
