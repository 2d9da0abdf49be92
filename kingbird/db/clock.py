"""Now, by the database's clock: engines' own clocks need not agree.

``now_ms`` is milliseconds since 1970 as an integer, which every database compares alike;
``seconds_ago`` compares with the times that the other columns keep.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class now_ms(GenericFunction[int]):
    """``now_ms()`` in a statement."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _sqlite(element: now_ms, compiler: Any, **kw: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(now_ms, "mysql")
@compiles(now_ms, "mariadb")
def _mysql(element: now_ms, compiler: Any, **kw: Any) -> str:
    # UTC_TIMESTAMP, unlike NOW, knows no hour that comes twice in autumn.
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)"


@compiles(now_ms, "postgresql")
def _postgresql(element: now_ms, compiler: Any, **kw: Any) -> str:
    # clock_timestamp, as now() stands still within a transaction.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


class seconds_ago(GenericFunction[datetime]):
    """``ago(seconds)`` in a statement: the moment that long before now, in UTC."""

    type = sa.DateTime()
    inherit_cache = True


@compiles(seconds_ago, "sqlite")
def _ago_sqlite(element: seconds_ago, compiler: Any, **kw: Any) -> str:
    # The text that SQLAlchemy stores, but for the last three digits.
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
    return f"(timezone('utc', clock_timestamp()) - make_interval(secs => {seconds}))"
