"""Read the database's clock in statements, because the clocks of hosts may differ.

``now_ms`` is in milliseconds since 1970, as lease columns are.  ``utc_now`` is stored in columns
that hold a date and time, and ``seconds_ago`` is compared with them.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class now_ms(GenericFunction[int]):
    """Render ``now_ms()``, the present time in milliseconds."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _sqlite(element: now_ms, compiler: Any, **kw: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(now_ms, "mysql")
@compiles(now_ms, "mariadb")
def _mysql(element: now_ms, compiler: Any, **kw: Any) -> str:
    # NOW() repeats an hour when daylight saving time ends.
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)"


@compiles(now_ms, "postgresql")
def _postgresql(element: now_ms, compiler: Any, **kw: Any) -> str:
    # now() is the time at which the transaction began.  clock_timestamp() goes on while a
    # statement runs, so no index is searched for it.
    return "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)"


class utc_now(GenericFunction[datetime]):
    """Render ``utc_now()``, the present time in UTC."""

    type = sa.DateTime()
    inherit_cache = True


@compiles(utc_now, "sqlite")
def _utc_sqlite(element: utc_now, compiler: Any, **kw: Any) -> str:
    # SQLAlchemy stores and reads texts with six digits, and SQLite knows three.
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


@compiles(utc_now, "mysql")
@compiles(utc_now, "mariadb")
def _utc_mysql(element: utc_now, compiler: Any, **kw: Any) -> str:
    return "UTC_TIMESTAMP(6)"


@compiles(utc_now, "postgresql")
def _utc_postgresql(element: utc_now, compiler: Any, **kw: Any) -> str:
    return "timezone('utc', statement_timestamp())"


class seconds_ago(GenericFunction[datetime]):
    """Render ``seconds_ago(seconds)``, a time before now in UTC."""

    type = sa.DateTime()
    inherit_cache = True


@compiles(seconds_ago, "sqlite")
def _ago_sqlite(element: seconds_ago, compiler: Any, **kw: Any) -> str:
    # SQLAlchemy stores the same text with three more digits.
    seconds = compiler.process(element.clauses, **kw)
    return f"strftime('%Y-%m-%d %H:%M:%f', julianday('now') - {seconds} / 86400.0)"


@compiles(seconds_ago, "mysql")
@compiles(seconds_ago, "mariadb")
def _ago_mysql(element: seconds_ago, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"(UTC_TIMESTAMP(6) - INTERVAL ROUND({seconds} * 1000000) MICROSECOND)"


@compiles(seconds_ago, "postgresql")
def _ago_postgresql(element: seconds_ago, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"(timezone('utc', statement_timestamp()) - make_interval(secs => {seconds}))"


def read_now(session: orm.Session) -> datetime:
    """Return the present time in UTC, for rows that are written together."""
    return session.execute(sa.select(utc_now())).scalar_one()
