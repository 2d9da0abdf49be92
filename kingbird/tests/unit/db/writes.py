"""Count the rows that each transaction changes."""

import contextlib
from collections.abc import Collection, Iterator

import sqlalchemy as sa

from kingbird.db import api as db

_ALL = ("INSERT", "UPDATE", "DELETE")


@contextlib.contextmanager
def changed_rows(*tables: str, statements: Collection[str] = _ALL) -> Iterator[list[int]]:
    """Yield a list that holds the number of rows that each transaction of the block changes.

    :param tables: the tables whose rows are counted.
    :param statements: the first words of the statements that count.
    """
    engine, transactions = db.get_engine(), []

    def begin(connection):
        transactions.append(0)

    def count(connection, cursor, text, *_):
        words = text.split()
        if words[0] in statements and not {*tables}.isdisjoint(words[:3]):
            transactions[-1] += cursor.rowcount

    sa.event.listen(engine, "begin", begin)
    sa.event.listen(engine, "after_cursor_execute", count)
    try:
        yield transactions
    finally:
        sa.event.remove(engine, "begin", begin)
        sa.event.remove(engine, "after_cursor_execute", count)
