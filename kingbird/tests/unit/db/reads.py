"""Count the rows that each statement of a database reads, by the database's own figures."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from kingbird.db import api as db

#: Instructions of SQLite's virtual machine that stand for one row, and those between two counts.
#: A row that is written takes as many; one that is read and left out takes about five.
_STEPS_OF_A_ROW, _STEPS_AT_ONCE = 50, 50

_MARIADB = (
    "SELECT SUM(VARIABLE_VALUE) FROM information_schema.SESSION_STATUS "
    "WHERE VARIABLE_NAME LIKE 'HANDLER_READ%'"
)
_POSTGRESQL = "SELECT SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"


@dataclass
class Statement:
    """One statement.

    :ivar rows: the number of rows that it read.
    """

    text: str
    rows: int = 0


@contextlib.contextmanager
def counting() -> Iterator[list[Statement]]:
    """Yield a list that holds the statements of the block."""
    engine = db.get_engine()
    statements: list[Statement] = []
    before: list[int] = []
    look = _LOOKS[engine.dialect.name]

    def begin(connection: Any, cursor: Any, text: str, *_: Any) -> None:
        before[:] = [look(connection, statements)]
        statements.append(Statement(text))

    def end(connection: Any, cursor: Any, text: str, *_: Any) -> None:
        statements[-1].rows += max(look(connection, statements) - before[0], 0)

    sa.event.listen(engine, "before_cursor_execute", begin)
    sa.event.listen(engine, "after_cursor_execute", end)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", begin)
        sa.event.remove(engine, "after_cursor_execute", end)


def _ask(query: str) -> Callable[[Any, list[Statement]], int]:
    def look(connection: Any, statements: list[Statement]) -> int:
        # Past SQLAlchemy, so that this statement is no part of the list.
        with contextlib.closing(connection.connection.cursor()) as cursor:
            cursor.execute(query)
            return int(cursor.fetchone()[0] or 0)

    return look


def _watch(connection: Any, statements: list[Statement]) -> int:
    """Let SQLite report its steps, which it also makes while rows are fetched."""

    def report() -> int:
        if statements:
            statements[-1].rows += _STEPS_AT_ONCE // _STEPS_OF_A_ROW
        return 0

    connection.connection.dbapi_connection.set_progress_handler(report, _STEPS_AT_ONCE)
    return 0


_LOOKS: dict[str, Callable[[Any, list[Statement]], int]] = {
    "mysql": _ask(_MARIADB),
    "postgresql": _ask(_POSTGRESQL),
    "sqlite": _watch,
}
