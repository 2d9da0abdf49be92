"""The newest revision, and what the models don't say of it."""

import sqlalchemy as sa

from kingbird.db import api as db


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
