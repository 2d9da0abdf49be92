"""How long a database may keep a caller waiting that takes connections and answers nothing.

Drivers wait for ever.  Statements may take their time, as some do much; but a connection that
is made, or taken from the pool and asked whether it lives, is to answer soon.
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


def prepare(url: sa.URL, seconds: int) -> dict[str, str]:
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
            with _answering(connection, seconds):
                plain(connection)
        else:
            plain(connection)

    wait.is_bounded = True  # type: ignore[attr-defined]
    extensions.set_wait_callback(wait)


def bound(engine: sa.Engine, seconds: int, given: Collection[str]) -> None:
    """Let an engine's connections be asked for a sign of life for some seconds only.

    :param given: the names of what :func:`prepare` told the driver.
    """
    if engine.dialect.name == "sqlite":
        return
    plain = engine.dialect.do_ping

    only_at_first = "read_timeout" in given

    def do_ping(connection: Any) -> bool:
        try:
            with _answering(connection, seconds):
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
def _answering(connection: Any, seconds: int) -> Iterator[None]:
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


def _shut(watched: socket.socket) -> None:
    with contextlib.suppress(OSError):
        watched.shutdown(socket.SHUT_RDWR)
