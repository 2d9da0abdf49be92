"""Runs the migrations on the connection that kingbird.db.migration hands over."""

from alembic import context

from kingbird.db import models

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=models.Base.metadata,
    # SQLite can't alter a column; alembic copies the table instead.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
