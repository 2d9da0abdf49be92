"""Migrations make what the models say."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from kingbird.db import api as db
from kingbird.db import models


def test_migrations_and_models_agree(database):
    with db.get_engine().connect() as bind:
        context = MigrationContext.configure(bind, opts={"compare_server_default": True})
        assert compare_metadata(context, models.Base.metadata) == []


def test_the_newest_revision_is_reached_and_reaching_it_again_does_nothing(database):
    assert db.migration.current() == db.migration.head()
    db.migration.sync()
    assert db.migration.current() == db.migration.head()


def test_deleting_a_job_deletes_its_rows_by_the_database_itself(database):
    foreign = {
        key["constrained_columns"][0]: key["options"].get("ondelete")
        for table in ("tasks", "items")
        for key in sa.inspect(db.get_engine()).get_foreign_keys(table)
    }
    assert foreign == {"job_pk": "CASCADE"}
