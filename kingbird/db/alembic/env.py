"""Runs the migrations on the connection that kingbird.db.migration hands over."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import context

# The tables of the states are known when their module is imported.
from kingbird.db import (  # noqa: F401
    metadef_models,
    model_base,
    models,
    program_models,
    state_models,
)


@contextmanager
def _copying(bind: sa.Connection) -> Iterator[None]:
    """Let SQLite replace a table by its altered copy, and keep the rows that refer to it.

    Dropping the old one would delete them, and only outside of a transaction can it be told
    not to.
    """
    raw = bind.connection.dbapi_connection
    if bind.dialect.name != "sqlite" or raw is None:
        yield
        return
    raw.cursor().execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        bind.commit()
    finally:
        bind.rollback()
        raw.cursor().execute("PRAGMA foreign_keys=ON")


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=model_base.Base.metadata,
    # SQLite can't alter a column; alembic copies the table instead.
    render_as_batch=True,
    # Otherwise alembic commits after each revision, and another program that waits goes on there.
    transactional_ddl=True if connection.dialect.name == "sqlite" else None,
)
with _copying(connection), context.begin_transaction():
    context.run_migrations()
