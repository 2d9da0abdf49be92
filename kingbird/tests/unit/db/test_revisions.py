"""A database of any revision is upgraded without loss, and the API shows what is in it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
import webob
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import migration, models
from kingbird.tests.api import world
from kingbird.tests.unit.db import revision_rows
from kingbird.tests.unit.db.revision_rows import go_back, next_revision  # noqa: F401
from kingbird.tests.unit.db.rows import accepted_job
from kingbird.tests.waiting import PATIENCE

REVISIONS = db.migration.revisions()
MODELS = {each.class_.__tablename__: each.class_ for each in models.Base.registry.mappers}
BIN = Path(sys.executable).parent


@pytest.fixture(params=REVISIONS)
def stored(request, database):
    """Store rows at a revision, bring them to the newest, and give what was stored."""
    go_back(request.param)
    found = revision_rows.add()
    db.migration.sync()
    return found


@pytest.fixture
def opened(stored, database):
    """Give the API on that database."""
    with world.World() as made:
        made.conf.set_override("connection", database.database.connection, group="database")
        db.configure(made.conf)
        yield made
        db.dispose()
    db.configure(database)


def call(opened, path, token="member", method="GET"):
    request = webob.Request.blank(path, method=method, headers={"X-Auth-Token": token})
    answer = request.get_response(opened.application)
    return answer.status_int, json.loads(answer.body or b"null")


def jobs_path(project):
    return f"/v1.0/{project}/os-sync"


def test_every_column_has_a_value_here():
    """Require a value in ``revision_rows`` for each column that is added."""
    for name, model in MODELS.items():
        columns = {*model.__table__.c.keys()} - ({"pk"} if name in ("tasks", "items") else set())
        assert set(revision_rows.rows()[name][0]) == columns, name


def nothing_is_lost(stored):
    """Check that all rows are there with what they held."""
    with db.get_engine().connect() as bind:
        for name, rows in stored.items():
            table = MODELS[name].__table__
            order = [key for key in ("pk", "id", "project_id", "region") if key in table.c]
            found = bind.execute(sa.select(table).order_by(*order)).mappings().all()
            assert len(found) == len(rows)
            for before, after in zip(rows, found, strict=True):
                assert {key: after[key] for key in before} == before
                for key, value in revision_rows.FILLED.get(name, {}).items():
                    if key not in before:
                        assert after[key] == value
    for pk in (4, 6, 7):
        job = db.jobs.get(world.PROJECT, revision_rows.job_id(pk), with_all_projects=True)
        assert job.plan_parts == 1
        for item in db.jobs.list_items(job):
            assert item.id == db.item_id(job.id, item.resource, item.target_region)


def the_schema_is_that_of_the_models():
    """Check that no change is left to be made."""
    with db.get_engine().connect() as bind:
        context = MigrationContext.configure(bind, opts={"compare_server_default": True})
        assert compare_metadata(context, models.Base.metadata) == []


def the_api_shows_it(opened):
    """Check the answers about the stored jobs."""
    path = jobs_path(world.PROJECT)
    status, listed = call(opened, path)
    assert status == 200
    shown = [(job["id"][-1], job["sync_status"]) for job in listed["job_set"]]
    running = [(str(pk), "IN_PROGRESS") for pk in (5, 4, 3, 2)]
    assert shown == [("7", "FAILURE"), ("6", "SUCCESS"), *running]
    status, active = call(opened, f"{path}/active")
    assert [job["id"][-1] for job in active["job_set"]] == ["5", "4", "3", "2"]
    for pk, expected in (
        (4, {"IN_PROGRESS", "SUCCESS"}),
        (6, {"SUCCESS", "SKIPPED"}),
        (7, {"FAILURE"}),
    ):
        status, job = call(opened, f"{path}/{revision_rows.job_id(pk)}")
        assert status == 200
        assert {item["sync_status"] for item in job["job_set"]} == expected
    assert "🐦" in job["job_set"][0]["message"]
    # One that is not planned shows what its request names.
    status, job = call(opened, f"{path}/{revision_rows.job_id(2)}")
    assert (status, len(job["job_set"])) == (200, 6)
    other = f"{jobs_path(world.OTHER_PROJECT)}/{revision_rows.job_id(8)}"
    assert call(opened, other)[0] == 403
    assert call(opened, other, "other")[0] == 200


def jobs_can_be_cancelled_retried_and_deleted(opened):
    """Check the answers to calls that change the stored jobs."""
    path = jobs_path(world.PROJECT)
    assert call(opened, f"{path}/{revision_rows.job_id(2)}/cancel", method="POST")[0] < 300
    assert call(opened, f"{path}/{revision_rows.job_id(7)}/retry", method="POST")[0] < 300
    assert call(opened, f"{path}/{revision_rows.job_id(6)}", method="DELETE")[0] == 200
    assert call(opened, f"{path}/{revision_rows.job_id(4)}", method="DELETE")[0] == 406


def engines_go_on_with_it():
    """Check what engines can claim."""
    claim = db.leases.claim_task("new", 10)
    assert (claim.job.id, claim.region_task.region) == (revision_rows.job_id(4), "RegionTwo")
    planned = {db.leases.claim_job("new", 10).job.id for _ in range(2)}
    assert planned == {revision_rows.job_id(2), revision_rows.job_id(3)}
    # A job that runs with a token is for the engine that has the token.
    assert db.leases.claim_job("new", 10) is None
    lost = db.maintenance.token_jobs_without_engine(wait=10, heartbeat_timeout=10)
    assert [job.id for job in lost] == [revision_rows.job_id(5)]
    db.engines.heartbeat("old:1:e", host="old", pid=1, version="0.9", rpc_version="1.1")
    assert db.engines.rpc_versions(10) == {"1.0"}


def test_a_database_of_any_revision(stored, opened):
    """The checks share a database, as most of the time goes into the revisions."""
    nothing_is_lost(stored)
    the_schema_is_that_of_the_models()
    the_api_shows_it(opened)
    engines_go_on_with_it()
    jobs_can_be_cancelled_retried_and_deleted(opened)


def test_a_next_revision_keeps_rows_and_what_this_release_needs(next_revision):  # noqa: F811
    stored = revision_rows.add()
    db.migration.sync()
    assert db.migration.current() == next_revision
    nothing_is_lost(stored)
    with db.get_engine().connect() as bind:
        assert set(bind.scalars(sa.text("SELECT extra FROM jobs"))) == {7}
    # Programs of this release, which know nothing of the column, go on.
    engines_go_on_with_it()
    # SQLite has replaced the table of jobs; others still refer to it.
    with db.get_engine().begin() as bind:
        bind.execute(sa.delete(db.Job))
        for model in (db.Task, db.Item):
            assert bind.scalar(sa.select(sa.func.count()).select_from(model)) == 0
    # Only now, as PostgreSQL counts keys from 1, whatever rows were stored with keys.
    accepted_job()


def test_programs_that_start_at_once_change_the_schema_once(database, tmp_path):
    go_back()
    config = tmp_path / "sync.conf"
    config.write_text(f"[database]\nconnection = {database.database.connection}\n")
    programs = [
        subprocess.Popen(
            [BIN / "kingbird-manage", "--config-file", config, "db", "sync"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    for program in programs:
        output, _ = program.communicate(timeout=PATIENCE)
        assert program.returncode == 0, output
        assert f"at revision {REVISIONS[-1]}" in output
    with db.get_engine().connect() as bind:
        assert compare_metadata(MigrationContext.configure(bind), models.Base.metadata) == []


def test_all_revisions_are_one_transaction_where_no_lock_is_taken(database):
    """Another program goes on from a revision that is committed, and both make the next one."""
    go_back()
    statements, commits = [], []

    def note(conn, cursor, statement, parameters, context, executemany):
        statements.append(statement.lower())

    def committed(conn):
        commits.append(conn)

    engine = db.get_engine()
    sa.event.listen(engine, "before_cursor_execute", note)
    sa.event.listen(engine, "commit", committed)
    try:
        db.migration.sync()
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
        sa.event.remove(engine, "commit", committed)
    has_lock = any("get_lock" in statement for statement in statements)
    assert has_lock == (engine.dialect.name == "mysql")
    assert has_lock or len(commits) == 1


def test_a_server_that_gives_no_lock_is_not_locked(database, monkeypatch):
    # MariaDB answers this with an error; others are not asked.
    monkeypatch.setattr(migration, "LOCK_TIMEOUT", sa.literal_column("nowhere"))
    go_back()
    db.migration.sync()
    assert db.migration.current() == REVISIONS[-1]


def test_a_schema_of_a_newer_release_is_left_alone(database):
    with db.get_engine().begin() as bind:
        bind.exec_driver_sql("UPDATE alembic_version SET version_num = '2999.1'")
    try:
        with pytest.raises(exception.SchemaError, match=r"at 2999\.1, which a newer release"):
            db.migration.sync()
        assert db.migration.current() == "2999.1"
        assert not db.migration.is_known("2999.1")
    finally:
        with db.get_engine().begin() as bind:
            bind.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{REVISIONS[-1]}'")


def test_a_revision_that_there_is_not(database):
    with pytest.raises(exception.SchemaError, match="nonsense"):
        db.migration.sync("nonsense")
