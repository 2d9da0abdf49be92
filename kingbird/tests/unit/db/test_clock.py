"""The databases' clocks agree on what a moment is."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db.clock import now_ms, seconds_ago
from kingbird.db.models import DateTime6, utcnow

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
