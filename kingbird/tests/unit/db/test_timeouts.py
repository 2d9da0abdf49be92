"""A transaction that stands still, and a server that does not answer, hold nobody up for ever."""

import socket
import sqlite3
from types import SimpleNamespace
from unittest import mock

import pytest
import sqlalchemy as sa
from psycopg2 import extensions

from kingbird.db import api as db
from kingbird.db import connection, timeouts
from kingbird.engine.leases import WRITE_FRACTION
from kingbird.tests.waiting import PATIENCE


class Cursor(sqlite3.Cursor):
    """Note settings of a session, which SQLite does not know."""

    def execute(self, statement, *args):
        if statement.startswith("SET"):
            self.connection.settings.append(statement)
            return self
        return super().execute(statement, *args)


class Connection(sqlite3.Connection):
    """A connection of a driver that notes settings of its session."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.settings = []
        self.commits = 0

    def cursor(self):
        return super().cursor(Cursor)

    def commit(self):
        self.commits += 1
        super().commit()


@pytest.fixture
def opened():
    """Give an engine, and the connections that it opens."""
    connections = []

    def connect():
        connections.append(sqlite3.connect(":memory:", factory=Connection))
        return connections[-1]

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool), connections


@pytest.mark.parametrize(
    ("name", "is_mariadb", "seconds", "statement"),
    [
        ("postgresql", False, 10.0, "idle_in_transaction_session_timeout = 10000"),
        ("postgresql", False, 0.2, "idle_in_transaction_session_timeout = 1000"),
        ("mysql", True, 10.0, "idle_transaction_timeout = 10"),
        ("mysql", True, 0.2, "idle_transaction_timeout = 1"),
    ],
)
def test_the_database_ends_transactions_that_stand_still(
    opened, name, is_mariadb, seconds, statement
):
    engine, connections = opened
    # The connection that was there before the limit gives way to one that has it.
    engine.connect().close()
    plain = engine.dialect.name
    engine.dialect.name, engine.dialect.is_mariadb = name, is_mariadb
    timeouts.set_idle_timeout(engine, seconds)
    engine.dialect.name = plain
    for _ in range(2):
        with engine.connect() as used:
            used.execute(sa.text("SELECT 1"))
    assert [one.settings for one in connections] == [[], [f"SET SESSION {statement}"]]
    # A rollback would take a setting of PostgreSQL back.
    assert connections[1].commits == 1


@pytest.mark.parametrize("name", ["sqlite", "mysql"])
def test_databases_without_such_a_limit_are_left_alone(opened, name):
    engine, connections = opened
    engine.dialect.name, plain = name, engine.dialect.name
    timeouts.set_idle_timeout(engine, 10)
    engine.dialect.name = plain
    engine.connect().close()
    assert [one.settings for one in connections] == [[]]


def test_locks_of_a_process_that_is_stopped_end_before_its_lease_does(database):
    """Half a lease is left then, in which another engine's claim waits for nothing."""
    with mock.patch.object(timeouts, "set_idle_timeout") as limit:
        db.configure(database)
        connection.get_engine()
    seconds = limit.call_args.kwargs["seconds"]
    assert 0 < seconds <= database.engine.lease * WRITE_FRACTION


@pytest.fixture
def callbacks(monkeypatch):
    """Give the callbacks by which psycopg2 waits, the newest last."""
    found = [None]
    monkeypatch.setattr(timeouts.extensions, "get_wait_callback", lambda: found[-1])
    monkeypatch.setattr(timeouts.extensions, "set_wait_callback", found.append)
    return found


def test_psycopg2_that_waits_by_itself_is_left_alone(callbacks):
    timeouts._bound_green_connects(1)
    assert callbacks == [None]


@pytest.mark.parametrize("status", [extensions.STATUS_SETUP, extensions.STATUS_READY])
def test_a_green_thread_waits_for_a_connection_as_long_as_it_may(callbacks, status):
    """Shut the socket of a server that never answers, but not that of a long statement."""
    here, there = socket.socketpair()
    here.settimeout(0.3)
    answers = []

    def plain(connection):
        try:
            answers.append(here.recv(1))
        except TimeoutError:
            answers.append("waited")

    callbacks.append(plain)
    with here, there:
        timeouts._bound_green_connects(0.05)
        callbacks[-1](SimpleNamespace(status=status, fileno=here.fileno))
    assert answers == [b"" if status == extensions.STATUS_SETUP else "waited"]
    timeouts._bound_green_connects(0.05)
    assert len(callbacks) == 3, "it is bounded once"


@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        ("sqlite://", {}),
        ("mysql+pymysql://h/d", {"connect_timeout": "7", "read_timeout": "7"}),
        ("mariadb+pymysql://h/d", {"connect_timeout": "7", "read_timeout": "7"}),
        ("mysql+pymysql://h/d?connect_timeout=3", {"read_timeout": "7"}),
        ("mysql+pymysql://h/d?read_timeout=3&connect_timeout=3", {}),
        ("mysql+mysqldb://h/d", {}),
        ("postgresql+psycopg2://h/d", {"connect_timeout": "7"}),
        ("postgresql://h/d?connect_timeout=3", {}),
    ],
)
def test_what_an_operator_gives_no_limit_has_one(monkeypatch, url, parameters):
    bounded = []
    monkeypatch.setattr(timeouts, "_bound_green_connects", bounded.append)
    assert timeouts.connect_args(sa.make_url(url), 7) == parameters
    assert bounded == ([7] if url.startswith("postgresql") else [])


class PyMySQL:
    """A connection of a driver that shows no socket, with the timeout of its reads."""

    def __init__(self, timeout):
        self._read_timeout = timeout


def pinging(name, answer):
    """Return an engine of a database, and the connections that it has pinged."""
    pinged = []

    def ping(connection):
        pinged.append((connection, connection._read_timeout))
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(dialect=SimpleNamespace(name=name, do_ping=ping)), pinged


@pytest.mark.parametrize("answer", [True, False, OSError("gone")])
@pytest.mark.parametrize(
    ("given", "before", "after"),
    [
        # The limit was for the first bytes of a connection only.
        (("connect_timeout", "read_timeout"), 7, None),
        # That of the operator stays.
        (("connect_timeout",), 99, 99),
        ((), None, None),
    ],
)
def test_a_ping_is_bounded_and_a_statement_is_not(monkeypatch, answer, given, before, after):
    listened = []
    monkeypatch.setattr(timeouts.event, "listen", lambda *args: listened.append(args))
    engine, pinged = pinging("mysql", answer)
    timeouts.limit_ping(engine, 5, given)
    connection = PyMySQL(before)
    if isinstance(answer, Exception):
        with pytest.raises(OSError, match="gone"):
            engine.dialect.do_ping(connection)
    else:
        assert engine.dialect.do_ping(connection) is answer
    assert pinged == [(connection, 5)]
    assert connection._read_timeout == after
    assert [(target, name) for target, name, _ in listened] == (
        [(engine, "connect")] if "read_timeout" in given else []
    )
    for _, _, opened in listened:
        new = PyMySQL(7)
        opened(new, None)
        assert new._read_timeout is None


def test_sqlite_needs_no_limit():
    engine, _ = pinging("sqlite", True)
    plain = engine.dialect.do_ping
    timeouts.limit_ping(engine, 5, ("read_timeout",))
    assert engine.dialect.do_ping is plain


@pytest.mark.parametrize("answers", [True, False])
def test_a_ping_of_a_server_that_does_not_answer_ends(answers):
    here, there = socket.socketpair()
    here.settimeout(PATIENCE)
    with here, there:
        if answers:
            there.sendall(b"x")
        engine = SimpleNamespace(
            dialect=SimpleNamespace(name="postgresql", do_ping=lambda _: here.recv(1))
        )
        timeouts.limit_ping(engine, PATIENCE if answers else 0.05, ())
        ping = engine.dialect.do_ping
        assert ping(SimpleNamespace(fileno=here.fileno)) == (b"x" if answers else b"")
        if answers:
            there.sendall(b"y")
            assert here.recv(1) == b"y", "the connection is used further"


def test_a_socket_that_is_closed_already_is_no_error():
    here, there = socket.socketpair()
    there.close()
    here.close()
    timeouts._shut(here)
