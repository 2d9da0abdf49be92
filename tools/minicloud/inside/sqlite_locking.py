"""Let SQLite serve the concurrent writes of a service that expects a database server.

oslo.db begins a transaction with a plain BEGIN.  Two threads that each read and then write would
deadlock, so SQLite answers "database is locked" to the second one without waiting, and the service
answers 500.  BEGIN IMMEDIATE takes the write lock at the start, where SQLite waits for it.  With
write-ahead logging plain reads do not wait.

oslo.db also opens the file anew for each session, which takes a fifth of the services' time.  They
keep their connections, as they do with a database server.
"""

from types import SimpleNamespace
from typing import Any

from oslo_db.sqlalchemy import engines
from sqlalchemy import event, pool
from sqlalchemy.engine import Connection, Engine

WAIT_MILLISECONDS = 30000

# There is no option for it.
engines.pool = SimpleNamespace(**{**vars(pool), "NullPool": pool.QueuePool})


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def begin_immediate(
    connection: Connection,
    cursor: object,
    statement: str,
    parameters: object,
    context: object,
    executemany: bool,
) -> tuple[str, object]:
    if statement == "BEGIN" and connection.dialect.name == "sqlite":
        statement = "BEGIN IMMEDIATE"
    return statement, parameters


@event.listens_for(Engine, "connect")
def configure(connection: Any, record: object) -> None:
    if type(connection).__module__.startswith("sqlite3"):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA busy_timeout={WAIT_MILLISECONDS}")
