"""Migrations make what the models say."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from kingbird.db import api as db
from kingbird.db import models
from kingbird.tests.unit.db import old_rows


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


def test_nothing_of_the_first_release_is_lost(database):
    old_rows.go_back_to_first_release()
    old_rows.add_rows(items=2500)
    db.migration.sync()

    planned = db.jobs.get("p" * 32, old_rows.PLANNED)
    unplanned = db.jobs.get("p" * 32, old_rows.UNPLANNED)
    assert (planned.plan_parts, unplanned.plan_parts) == (1, 0)
    for job in (planned, unplanned):
        assert (job.all_projects, job.plan_rest, job.in_sync) == (False, None, {})
        assert job.request == old_rows.REQUEST
        assert job.created_at == old_rows.CREATED
        assert (job.cancelled, job.runs) == (False, 1)
    items = db.jobs.list_items(planned)
    assert [item.resource for item in items] == [f"i{n}" for n in range(2500)]
    for item in items:
        assert item.id == db.jobs.item_id(planned.id, item.resource, "R2")
        assert item.attempts == 1
    assert db.jobs.list_items(unplanned) == []
    claim = db.leases.claim_task("engine", 10)
    assert (claim.job.id, claim.region_task.part) == (planned.id, 0)
    test_migrations_and_models_agree(database)


def test_sqlite_goes_on_to_check_foreign_keys(database):
    """Migrations let go of them, as a table that is copied is dropped too."""
    old_rows.go_back_to_first_release()
    old_rows.add_rows(items=1)
    db.migration.sync()
    with db.get_engine().begin() as bind:
        bind.execute(sa.delete(db.Job))
        for model in (db.Task, db.Item):
            assert bind.scalar(sa.select(sa.func.count()).select_from(model)) == 0
