"""Limit the time that a database and its callers wait for each other.

Drivers wait without limit for a database that accepts connections and does not answer.  Some
statements take long, but opening a connection and pinging one from the pool have a timeout.

Databases wait without limit for a caller that is idle in a transaction, and keep its locks; see
:func:`set_idle_timeout`.
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
    """Limit the time to open a connection.

    :returns: parameters for the driver's URL that the URL does not have yet.
    """
    if url.get_backend_name() == "postgresql":
        _bound_green_connects(seconds)
    wanted = {"connect_timeout": str(seconds)}
    if url.drivername.endswith("+pymysql"):
        # The server sends the first bytes, so reading them has to be limited too.
        wanted["read_timeout"] = str(seconds)
    elif url.get_backend_name() != "postgresql":
        return {}
    return {name: value for name, value in wanted.items() if name not in url.query}


def _bound_green_connects(seconds: int) -> None:
    """Apply ``connect_timeout`` where psycopg2 lets eventlet wait."""
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
    """Limit the time of a ping of a pooled connection.

    :param given: the names of the parameters that :func:`connect_args` returned.
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
                # The first connection was opened before the listener was added.
                connection._read_timeout = None

    # SQLAlchemy calls it whenever it takes a connection from the pool.
    engine.dialect.do_ping = do_ping  # type: ignore[method-assign,assignment]
    if only_at_first:
        event.listen(engine, "connect", _clear_read_timeout)


def _clear_read_timeout(connection: Any, record: Any) -> None:
    connection._read_timeout = None


@contextlib.contextmanager
def _deadline(connection: Any, seconds: int) -> Iterator[None]:
    """Shut down a connection if the block takes longer than some seconds."""
    if not hasattr(connection, "fileno"):
        # PyMySQL, which shows no socket but has a timeout.
        before, connection._read_timeout = connection._read_timeout, seconds
        try:
            yield
        finally:
            connection._read_timeout = before
        return
    # A duplicate of the descriptor, whose number may be reused otherwise.
    with socket.socket(fileno=os.dup(connection.fileno())) as watched:
        timer = threading.Timer(seconds, _shut, (watched,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


#: Statements that limit an idle transaction, in milliseconds and in seconds.  MySQL has none.
_IDLE_TIMEOUT = {
    "postgresql": "SET SESSION idle_in_transaction_session_timeout = {:.0f}000",
    "mariadb": "SET SESSION idle_transaction_timeout = {:.0f}",
}


def set_idle_timeout(engine: sa.Engine, seconds: float) -> None:
    """Make the database end transactions that are idle for some seconds.

    Otherwise a process that is stopped within a transaction would keep its locks, and no other
    engine could claim its work.
    """
    dialect: Any = engine.dialect
    statement = _IDLE_TIMEOUT.get(
        "mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name
    )
    if statement is None:
        return

    def set_timeout(connection: Any, record: Any) -> None:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(statement.format(max(seconds, 1)))
        connection.commit()

    event.listen(engine, "connect", set_timeout)
    # The first connection was opened before the listener was added.
    engine.dispose()


def _shut(watched: socket.socket) -> None:
    with contextlib.suppress(OSError):
        watched.shutdown(socket.SHUT_RDWR)
