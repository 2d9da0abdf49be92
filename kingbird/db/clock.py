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


class utc_now(GenericFunction[datetime]):
    """Render ``utc_now()``, the present time in UTC."""

    type = sa.DateTime()
    inherit_cache = True


class seconds_ago(GenericFunction[datetime]):
    """Render ``seconds_ago(seconds)``, a time before now in UTC."""

    type = sa.DateTime()
    inherit_cache = True


#: Each function in the databases' own words; ``{}`` stands for its argument.
_SQL: dict[type, dict[str, str]] = {
    now_ms: {
        "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
        # NOW() repeats an hour when daylight saving time ends.
        "mysql": "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)",
        # now() is the time at which the transaction began.  clock_timestamp() goes on while a
        # statement runs, so no index is searched for it.
        "postgresql": "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)",
    },
    utc_now: {
        # SQLAlchemy stores and reads texts with six digits, and SQLite knows three.
        "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
        "mysql": "UTC_TIMESTAMP(6)",
        "postgresql": "timezone('utc', statement_timestamp())",
    },
    seconds_ago: {
        # SQLAlchemy stores the same text with three more digits.
        "sqlite": "strftime('%Y-%m-%d %H:%M:%f', julianday('now') - {} / 86400.0)",
        "mysql": "(UTC_TIMESTAMP(6) - INTERVAL ROUND({} * 1000000) MICROSECOND)",
        "postgresql": "(timezone('utc', statement_timestamp()) - make_interval(secs => {}))",
    },
}


@compiles(now_ms)
@compiles(utc_now)
@compiles(seconds_ago)
def _render(element: GenericFunction[Any], compiler: Any, **kw: Any) -> str:
    dialect = compiler.dialect.name.replace("mariadb", "mysql")
    return _SQL[type(element)][dialect].format(compiler.process(element.clauses, **kw))


def read_now(session: orm.Session) -> datetime:
    """Return the present time in UTC, for rows that are written together."""
    return session.execute(sa.select(utc_now())).scalar_one()
