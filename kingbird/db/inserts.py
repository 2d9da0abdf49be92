"""Insert rows that may be there already."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import orm
from sqlalchemy.dialects import mysql, postgresql, sqlite

#: The ``INSERT`` of each dialect, with what it has for rows that are there.
INSERTS: Mapping[str, Callable[..., Any]] = {
    "mysql": mysql.insert,
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


def insert_new(session: orm.Session, table: Any, key: Sequence[str]) -> Any:
    """Return an ``INSERT`` that leaves rows as they are whose key is there.

    :param key: the columns of a unique key.
    """
    dialect = session.get_bind().dialect.name
    insert = INSERTS[dialect](table)
    if dialect == "mysql":
        # IGNORE would also ignore values that do not fit.
        return insert.on_duplicate_key_update({key[0]: table.c[key[0]]})
    return insert.on_conflict_do_nothing(index_elements=list(key))


def insert_or_update(
    session: orm.Session, table: Any, key: Sequence[str], values: Mapping[str, Any]
) -> Any:
    """Return an ``INSERT`` that changes rows whose key is there.

    :param key: the columns of a unique key.
    :param values: by column, the value that a row gets that is there.
    """
    dialect = session.get_bind().dialect.name
    insert = INSERTS[dialect](table)
    if dialect == "mysql":
        return insert.on_duplicate_key_update(dict(values))
    return insert.on_conflict_do_update(index_elements=list(key), set_=dict(values))
