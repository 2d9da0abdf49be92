"""How long a database and its callers wait for each other.

Drivers wait for ever for a database that takes connections and answers nothing.  Statements may
take their time, as some do much; but a connection that is made, or taken from the pool and asked
whether it lives, is to answer soon.

And databases wait for ever for a caller that stands still within a transaction, and keep its
locks; see :func:`set_idle_timeout`.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa
from psycopg2 import extensions
from sqlalchemy import event


def connect_args(url: sa.URL, seconds: int) -> dict[str, str]:
    """Bound how long connections may take to be made.

    :returns: what the driver has to be told in its URL, as far as that does not say it already.
    """
    if url.get_backend_name() == "postgresql":
        _bound_green_connects(seconds)
    wanted = {"connect_timeout": str(seconds)}
    if url.drivername.endswith("+pymysql"):
        # The server speaks first, and that is waited for by this one.
        wanted["read_timeout"] = str(seconds)
    elif url.get_backend_name() != "postgresql":
        return {}
    return {name: value for name, value in wanted.items() if name not in url.query}


def _bound_green_connects(seconds: int) -> None:
    """Do what ``connect_timeout`` does where psycopg2 leaves the waiting to eventlet."""
    plain = extensions.get_wait_callback()
    if plain is None or getattr(plain, "is_bounded", False):
        return

    def wait(connection: Any) -> None:
        if connection.status == extensions.STATUS_SETUP:
            with _deadline(connection, seconds):
                plain(connection)
        else:
            plain(connection)

    wait.is_bounded = True  # type: ignore[attr-defined]
    extensions.set_wait_callback(wait)


def limit_ping(engine: sa.Engine, seconds: int, given: Collection[str]) -> None:
    """Let an engine's connections be asked for a sign of life for some seconds only.

    :param given: the names of what :func:`connect_args` told the driver.
    """
    if engine.dialect.name == "sqlite":
        return
    plain = engine.dialect.do_ping

    only_at_first = "read_timeout" in given

    def do_ping(connection: Any) -> bool:
        try:
            with _deadline(connection, seconds):
                return plain(connection)
        finally:
            if only_at_first:
                # The first connection of all was made before anybody could listen.
                connection._read_timeout = None

    # SQLAlchemy calls it whenever it takes a connection from the pool.
    engine.dialect.do_ping = do_ping  # type: ignore[method-assign,assignment]
    if only_at_first:
        event.listen(engine, "connect", _let_statements_take_their_time)


def _let_statements_take_their_time(connection: Any, record: Any) -> None:
    connection._read_timeout = None


@contextlib.contextmanager
def _deadline(connection: Any, seconds: int) -> Iterator[None]:
    """Break a connection off that is silent for so long within the block."""
    if not hasattr(connection, "fileno"):
        # PyMySQL, which shows no socket but has a timeout.
        before, connection._read_timeout = connection._read_timeout, seconds
        try:
            yield
        finally:
            connection._read_timeout = before
        return
    # A socket of our own for the same connection, as its number may be another's by then.
    with socket.socket(fileno=os.dup(connection.fileno())) as watched:
        timer = threading.Timer(seconds, _shut, (watched,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


#: What ends a transaction within which nothing comes: PostgreSQL's word for it, in milliseconds,
#: and MariaDB's, in seconds.  MySQL has none.
_LET_GO = {
    "postgresql": "SET SESSION idle_in_transaction_session_timeout = {:.0f}000",
    "mariadb": "SET SESSION idle_transaction_timeout = {:.0f}",
}


def set_idle_timeout(engine: sa.Engine, seconds: float) -> None:
    """Let the database end transactions within which nothing comes for so many seconds.

    A process that was stopped in one would keep others from its rows for as long as it stands
    still, and a lease that has run out could not be taken over.
    """
    dialect: Any = engine.dialect
    statement = _LET_GO.get("mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name)
    if statement is None:
        return

    def connect_args(connection: Any, record: Any) -> None:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(statement.format(max(seconds, 1)))
        connection.commit()

    event.listen(engine, "connect", connect_args)
    # The first connection was made before anybody could listen.
    engine.dispose()


def _shut(watched: socket.socket) -> None:
    with contextlib.suppress(OSError):
        watched.shutdown(socket.SHUT_RDWR)
