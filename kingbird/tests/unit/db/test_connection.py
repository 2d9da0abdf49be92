"""The way into the database: threads side by side, and a database that is away."""

import threading
import traceback
import types
from contextlib import contextmanager
from unittest import mock

import psycopg2.errors
import pytest
import sqlalchemy as sa
from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import exc as sa_exc

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import connection, error_texts
from kingbird.tests.unit.db.reads import counting
from kingbird.tests.unit.db.rows import PROJECT, accepted_job


def test_writers_wait_for_each_other(database):
    """Each reads and then writes, which SQLite refuses unless told otherwise."""
    errors, barrier = [], threading.Barrier(8)

    def work():
        barrier.wait()
        try:
            for _ in range(10):
                job_id = accepted_job()
                assert db.jobs.get(PROJECT, job_id)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(db.jobs.list_for_project(PROJECT)) == 80


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://root@127.0.0.1:1/kingbird",
        "postgresql+psycopg2://postgres@127.0.0.1:1/kingbird",
        "sqlite:////nowhere/at/all.sqlite",
    ],
)
def test_a_database_that_is_away_is_unavailable(conf, url):
    conf.set_override("connection", url, group="database")
    conf.set_override("retry_interval", 0, group="database")
    db.configure(conf)
    with pytest.raises(exception.Unavailable, match="database"):
        db.jobs.list_for_project(PROJECT)


#: Words of a row that no error may tell.
SECRET = "9d3f7c1b"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT :secret FROM nowhere",
        "UPDATE jobs SET nothing = :secret",
        # PostgreSQL tells the row that it refuses.
        "INSERT INTO engines (id, host) VALUES ('e', :secret)",
    ],
)
def test_errors_do_not_tell_what_a_row_holds(database, statement):
    with (
        pytest.raises((db_exc.DBError, sa_exc.DBAPIError)) as caught,
        connection.writer() as session,
    ):
        session.execute(sa.text(statement), {"secret": SECRET})
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_errors_of_postgresql_tell_their_first_line(conf):
    refused = psycopg2.errors.NotNullViolation(f"It is refused\nDETAIL:  Failing row: {SECRET}")
    wrapped = sa_exc.IntegrityError("INSERT", {}, refused, hide_parameters=True)
    told = db_exc.DBError(wrapped)
    # oslo.db knows no other error for some.
    for more in ({}, {"chained_exception": told}):
        context = types.SimpleNamespace(
            original_exception=refused, sqlalchemy_exception=wrapped, **more
        )
        error_texts._cut(context)
    for error in (refused, wrapped, told):
        assert "It is refused" in str(error)
        assert SECRET not in str(error)


def test_a_database_without_tables_is_unavailable(conf, tmp_path):
    conf.set_override("connection", f"sqlite:///{tmp_path}/empty.sqlite", group="database")
    db.configure(conf)
    with pytest.raises(exception.Unavailable, match="database"):
        db.jobs.list_for_project(PROJECT)


@pytest.fixture
def tried():
    """Give a function in the place of one that opens a transaction, and a list of its calls."""
    calls = []

    def make(*outcomes):
        left = list(outcomes)

        @connection.retry_on_disconnect
        def function():
            calls.append(True)
            outcome = left.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return function

    return make, calls


def test_a_lost_connection_is_replaced(tried):
    make, calls = tried
    assert make(db_exc.DBConnectionError(), "done")() == "done"
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("read", "found"),
    [(connection.rows, [(7,)]), (connection.scalars, [7]), (connection.scalar, 7)],
)
def test_a_query_whose_connection_is_lost_is_asked_again(database, monkeypatch, read, found):
    real, opened = connection.reader, []

    @contextmanager
    def reader():
        opened.append(True)
        if len(opened) == 1:
            raise db_exc.DBConnectionError
        with real() as session:
            yield session

    monkeypatch.setattr(connection, "reader", reader)
    monkeypatch.setattr(connection, "RECONNECT_DELAY", 0)
    assert read(sa.select(sa.literal(7))) == found
    assert len(opened) == 2


def test_a_database_that_stays_away_keeps_nobody_waiting(tried):
    make, calls = tried
    with pytest.raises(exception.Unavailable):
        make(*[db_exc.DBConnectionError()] * 9)()
    assert len(calls) == 2


def test_a_deadlock_is_tried_more_often(tried):
    make, calls = tried
    assert make(*[db_exc.DBDeadlock()] * 3, "done")() == "done"
    assert len(calls) == 4


class _Refusal(Exception):
    pgcode = None


def _postgresql_refusal():
    refusal = _Refusal("cannot execute INSERT in a read-only transaction")
    refusal.pgcode = "25006"
    return refusal


@pytest.mark.parametrize(
    "refusal", [_postgresql_refusal(), _Refusal(1290, "read-only"), _Refusal(1792, "READ ONLY")]
)
@pytest.mark.parametrize("kind", [sa_exc.InternalError, sa_exc.OperationalError])
def test_a_database_that_only_reads_is_unavailable(tried, refusal, kind):
    """And the next call connects anew: the address may lead to another server by then."""
    make, _ = tried
    error = kind("INSERT", {}, refusal)
    with (
        mock.patch.object(connection, "dispose") as dispose,
        pytest.raises(exception.Unavailable),
    ):
        make(db_exc.DBError(error) if kind is sa_exc.InternalError else error)()
    dispose.assert_called_once_with()


@pytest.mark.parametrize(
    "error",
    [
        db_exc.DBError(sa_exc.InternalError("INSERT", {}, _Refusal("oh"))),
        db_exc.DBError(sa_exc.InternalError("INSERT", {}, _Refusal())),
        db_exc.DBError(),
        db_exc.DBDuplicateEntry(),
    ],
)
def test_other_errors_stay_what_they_are(tried, error):
    make, _ = tried
    with pytest.raises(type(error)):
        make(error)()


@pytest.mark.parametrize(
    ("error", "refuses"),
    [
        (db_exc.DBDataError(), True),
        (db_exc.DBConstraintError("jobs", "check"), True),
        (db_exc.DBInvalidUnicodeParameter(), True),
        (db_exc.DBError(ValueError("NUL")), True),
        (db_exc.DBError(sa_exc.DataError("INSERT", {}, _Refusal())), True),
        (db_exc.DBError(sa_exc.StatementError("too long", "INSERT", {}, ValueError())), True),
        (sa_exc.OperationalError("INSERT", {}, _Refusal(4025, "CONSTRAINT failed")), True),
        (sa_exc.OperationalError("INSERT", {}, _Refusal(1205, "Lock wait timeout")), False),
        (db_exc.DBError(sa_exc.ProgrammingError("INSERT", {}, _Refusal("no column"))), False),
        (db_exc.DBError(sa_exc.InternalError("INSERT", {}, _postgresql_refusal())), False),
        (db_exc.DBDuplicateEntry(), False),
        (db_exc.DBConnectionError(), False),
        (db_exc.DBDeadlock(), False),
        (exception.LeaseLost("Lost."), False),
    ],
)
def test_errors_about_what_a_row_holds(tried, error, refuses):
    make, calls = tried
    assert connection.refuses_row(error) is refuses
    if refuses:
        with pytest.raises(type(error)):
            make(error)()
        assert len(calls) == 1, "it would be refused again"


@pytest.mark.parametrize("driver", ["mariadb+pymysql", "mysql+pymysql"])
def test_mariadb_is_called_what_oslo_knows_it_by(conf, driver):
    url = f"{driver}://me:p%40ss%2Fword@127.0.0.1:1/kingbird"
    conf.set_override("connection", url, group="database")
    configured = {}
    with mock.patch.object(
        enginefacade._TransactionContextManager,
        "configure",
        lambda self, **options: configured.update(options),
    ):
        db.configure(conf)
    assert configured["connection"] == "mysql+pymysql://me:p%40ss%2Fword@127.0.0.1:1/kingbird"
    assert configured["connection_parameters"] == "charset=utf8mb4"


def test_rows_of_many_keys_are_changed_and_deleted_some_at_a_time(database, monkeypatch):
    *jobs, other = [db.jobs.get(PROJECT, accepted_job()) for _ in range(6)]
    keys = [job.pk for job in jobs]
    monkeypatch.setattr(connection, "BATCH", 2)
    with counting() as statements, connection.writer() as session:
        connection.update_rows(session, db.Job, keys, turn=7)
    assert sum(one.text.startswith("UPDATE") for one in statements) == 3
    turns = connection.rows(sa.select(db.Job.pk, db.Job.turn).order_by(db.Job.pk))
    assert turns == [*((key, 7) for key in keys), (other.pk, other.turn)]
    with counting() as statements, connection.writer() as session:
        connection.delete_rows(session, db.Job, keys)
    assert sum(one.text.startswith("DELETE") for one in statements) == 3
    assert connection.scalars(sa.select(db.Job.pk)) == [other.pk]
