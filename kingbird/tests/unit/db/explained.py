"""Find the statements for which a database reads a whole table, by the plans that it tells."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from kingbird.db import api as db

#: The tables that grow with the work.
LARGE = ("jobs", "tasks", "items")


@contextlib.contextmanager
def full_scans() -> Iterator[dict[str, set[str]]]:
    """Yield the tables that statements of the block read as a whole, by the statements' texts."""
    engine = db.get_engine()
    found: dict[str, set[str]] = {}
    read = _READERS[engine.dialect.name]

    def explain(
        connection: Any, cursor: Any, text: str, parameters: Any, context: Any, many: bool
    ) -> None:
        if many or text.split(None, 1)[0] not in ("SELECT", "UPDATE", "DELETE"):
            return
        # Past SQLAlchemy, so that this statement is not explained itself.
        with contextlib.closing(connection.connection.cursor()) as raw:
            raw.execute(f"EXPLAIN {text}", parameters)
            tables = read(raw.fetchall(), text)
        if tables:
            found.setdefault(re.sub(r"\s+", " ", text), set()).update(tables)

    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)


def _read_mariadb(rows: Any, text: str) -> set[str]:
    """Return the large tables with the access type ALL, or index, which reads a whole index.

    A page in the order of the primary key ends early.
    """
    found: set[str] = set()
    for row in rows:
        table, access, key = row[2], row[3], row[5]
        if access == "index" and key == "PRIMARY" and " LIMIT " in text:
            continue
        # The plan names aliases.
        named = re.search(rf"\b(\w+) AS `?{re.escape(table or '')}`?\b", text)
        name = named[1] if named else str(table)
        if access in ("ALL", "index") and name in LARGE:
            found.add(name)
    return found


def _read_postgresql(rows: Any, text: str) -> set[str]:
    plan = "\n".join(row[0] for row in rows)
    return {name for name in re.findall(r"Seq Scan on (\w+)", plan) if name in LARGE}


_READERS = {"mysql": _read_mariadb, "postgresql": _read_postgresql}
