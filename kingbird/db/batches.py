"""Write batches of rows, of which a database may refuse some.

A row that a database refuses costs no other row.  A transaction writes its rows at once; if one is
refused it is run again, with a statement for each row, and something simpler takes the place of
what is refused.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection

LOG = logging.getLogger(__name__)

Row = dict[str, Any]
R = TypeVar("R")


class Execute(Protocol):
    """Executes a statement with each of some rows.

    :param substitute: returns a row that takes the place of one that is refused.
    :returns: the rows as they were written.
    """

    def __call__(
        self,
        session: orm.Session,
        statement: sa.Executable,
        rows: Sequence[Row],
        substitute: Callable[[Row], Row],
    ) -> Sequence[Row]: ...


def write(transaction: Callable[[Execute], R]) -> R:
    """Run a transaction that writes rows.

    :param transaction: opens the transaction, and executes its statements with what it is given.
        It is run a second time if the database refuses a row.
    """
    try:
        return transaction(_together)
    except Exception as error:
        if not connection.refuses_row(error):
            raise
        LOG.warning("Unable to store rows at once, storing each by itself: %s", _kind(error))
        return transaction(_one_by_one)


def _together(
    session: orm.Session,
    statement: sa.Executable,
    rows: Sequence[Row],
    substitute: Callable[[Row], Row],
) -> Sequence[Row]:
    session.execute(statement, rows)
    return rows


def _one_by_one(
    session: orm.Session,
    statement: sa.Executable,
    rows: Sequence[Row],
    substitute: Callable[[Row], Row],
) -> Sequence[Row]:
    written = []
    for row in rows:
        try:
            with session.begin_nested():
                session.execute(statement, [row])
            written.append(row)
        except Exception as error:
            if not connection.refuses_row(error):
                raise
            LOG.error("Unable to store a row as it is, storing a failure: %s", _kind(error))
            instead = substitute(row)
            session.execute(statement, [instead])
            written.append(instead)
    return written


def _kind(error: Exception) -> str:
    """Return the types of an error and of its causes.  Its text has the row's values."""
    inner = getattr(error, "inner_exception", None)
    causes = (error, inner, getattr(inner or error, "orig", None))
    return ", ".join(type(one).__name__ for one in causes if one is not None)
