"""The databases' clocks agree on what a moment is."""

import uuid
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db.clock import now_ms, seconds_ago, utc_now
from kingbird.db.models import DateTime6
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, planned_job, row, utcnow

#: Sessions of the database may be in another time zone.
ELSEWHERE = {
    "mysql": "SET time_zone = '+05:00'",
    "postgresql": "SET TIME ZONE 'Asia/Karachi'",
}
DAY = 86400


@pytest.fixture
def bind(database):
    """Give a connection."""
    with db.get_engine().connect() as connection:
        statement = ELSEWHERE.get(connection.dialect.name)
        if statement:
            connection.execute(sa.text(statement))
        yield connection
        connection.rollback()
        # Zone and temporary table go with it.
        connection.invalidate()


@pytest.fixture
def moments(bind):
    """Give a temporary table with a moment for each of some ages."""
    table = sa.Table(
        "kingbird_moments",
        sa.MetaData(),
        sa.Column("age", sa.Integer()),
        sa.Column("moment", DateTime6),
        prefixes=["TEMPORARY"],
    )
    table.create(bind)
    now = utcnow()
    ages = (0, 30, 90, 3600, 400 * DAY)
    bind.execute(
        sa.insert(table), [{"age": age, "moment": now - timedelta(seconds=age)} for age in ages]
    )
    return table


@pytest.mark.parametrize(
    ("seconds", "older"),
    [
        (-60, {0, 30, 90, 3600, 400 * DAY}),
        (60, {90, 3600, 400 * DAY}),
        (60.5, {90, 3600, 400 * DAY}),
        (300 * DAY, {400 * DAY}),
        (500 * DAY, set()),
    ],
)
def test_what_is_older_than_some_seconds(bind, moments, seconds, older):
    found = bind.scalars(sa.select(moments.c.age).where(moments.c.moment < seconds_ago(seconds)))
    assert set(found) == older


def test_now_is_now_in_utc(bind):
    moment, milliseconds = bind.execute(sa.select(seconds_ago(0), now_ms())).one()
    assert abs(moment - utcnow()) < timedelta(seconds=20)
    assert abs(moment - timedelta(milliseconds=milliseconds) - datetime(1970, 1, 1)) < timedelta(
        seconds=5
    )


def test_the_present_time_is_stored_and_read_with_six_digits(bind, moments):
    bind.execute(sa.delete(moments))
    bind.execute(sa.insert(moments).values(age=0, moment=utc_now()))
    stored = bind.scalar(sa.select(moments.c.moment))
    assert isinstance(stored, datetime)
    assert abs(stored - bind.scalar(sa.select(utc_now()))) < timedelta(seconds=20)
    assert bind.scalar(sa.select(moments.c.age).where(moments.c.moment == stored)) == 0


#: How statements read the databases' clocks, and the same some seconds off.
SKEWED = {
    "sqlite": ("'now'", "'now', '{} seconds'"),
    "mysql": ("UTC_TIMESTAMP(6)", "(UTC_TIMESTAMP(6) + INTERVAL {} SECOND)"),
    "postgresql": ("statement_timestamp()", "(statement_timestamp() + interval '{} seconds')"),
}


@pytest.fixture(params=[-600, 600])
def skewed(request, database):
    """Let the database's clock differ from the host's, as those of two hosts may."""
    engine = db.get_engine()
    right, wrong = SKEWED[engine.dialect.name]

    def skew(connection, cursor, statement, parameters, context, executemany):
        return statement.replace(right, wrong.format(request.param)), parameters

    sa.event.listen(engine, "before_cursor_execute", skew, retval=True)
    with engine.connect() as bind:
        off = bind.scalar(sa.select(utc_now())) - utcnow()
    assert abs(off - timedelta(seconds=request.param)) < timedelta(seconds=60)


def test_ages_do_not_depend_on_the_clocks_of_hosts(skewed):
    minute = timedelta(seconds=60)
    unaccepted = str(uuid.uuid4())
    about = {"project_id": PROJECT, "user_id": "u", "is_admin": False, "request_id": None}
    db.jobs.create(job_id=unaccepted, request=[], **about)
    waiting = accepted_job(trust_id=None)
    ended = planned_job(row(status="FAILURE", reason="quota"))
    job = db.jobs.get(PROJECT, ended)
    (item,) = db.jobs.list_items(job)
    for moment in (job.updated_at, job.planned_at, item.created_at, item.updated_at):
        assert abs(moment - job.created_at) < minute
    db.engines.heartbeat("e1", host="h", pid=1, version="1", rpc_version="1.0")
    db.maintenance.discard_unaccepted(60)
    assert db.jobs.count_active(PROJECT) == 2
    assert [*db.maintenance.token_jobs_without_engine(60, 60)] == []
    assert [one.id for one in db.maintenance.token_jobs_without_engine(-60, 60)] == [waiting]
    assert db.maintenance.purge(60, 10) == 0
    assert db.stats.collect(60).jobs.oldest < 60
    user = {"user_id": "u", "is_admin": False, "trust_id": None, "request_id": "r"}
    assert db.job_actions.retry(job, **user) == 1
    assert [*db.maintenance.token_jobs_without_engine(60, 60)] == []
    assert db.stats.jobs_with_expired_trust(60) == 0
    other = planned_job()
    assert db.stats.collect(60).tasks.oldest < 60
    ending = db.job_ends.end_job(db.jobs.get(PROJECT, other))
    assert timedelta(0) <= ending.ended_at - db.jobs.get(PROJECT, other).created_at < minute


#: The URLs that a configuration may name.  MariaDB answers to both of its names.
URLS = {
    "sqlite": "sqlite://",
    "mysql": "mysql+pymysql://",
    "mariadb": "mariadb+pymysql://",
    "postgresql": "postgresql+psycopg2://",
}


@pytest.mark.parametrize("clock", [now_ms(), utc_now(), seconds_ago(60)], ids=["ms", "utc", "ago"])
@pytest.mark.parametrize("name", URLS)
def test_each_database_reads_its_own_clock(name, clock):
    dialect = sa.make_url(URLS[name]).get_dialect()()
    compiled = str(clock.compile(dialect=dialect))
    right, _ = SKEWED["mysql" if name == "mariadb" else name]
    assert right in compiled


#: The words of databases that a run of these tests may lack.
WORDS = {
    "mysql": [
        "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)",
        "UTC_TIMESTAMP(6)",
        "(UTC_TIMESTAMP(6) - INTERVAL ROUND(60 * 1000000) MICROSECOND)",
    ],
    "postgresql": [
        "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)",
        "timezone('utc', statement_timestamp())",
        "(timezone('utc', statement_timestamp()) - make_interval(secs => 60))",
    ],
}
WORDS["mariadb"] = WORDS["mysql"]


@pytest.mark.parametrize("name", WORDS)
def test_a_clock_in_the_words_of_a_database(name):
    dialect = sa.make_url(URLS[name]).get_dialect()()
    clocks = (now_ms(), utc_now(), seconds_ago(sa.literal_column("60")))
    assert [str(one.compile(dialect=dialect)) for one in clocks] == WORDS[name]
