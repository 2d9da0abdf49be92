"""The upgrade checks of the database."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from oslo_upgradecheck.upgradecheck import Code

from kingbird import version
from kingbird.cmd.checks import tables
from kingbird.db import api as db
from kingbird.rpc import version_cap
from kingbird.tests.unit.db import rows
from kingbird.tests.unit.db.revision_rows import next_revision  # noqa: F401
from kingbird.tests.unit.db.rows import utcnow


@pytest.fixture
def checks(database):
    """Give the checks of a database that is as it should be."""
    made = tables.DatabaseChecks(database)
    assert made.schema().code is Code.SUCCESS
    return made


@pytest.fixture
def empty(conf, tmp_path):
    """Give a configuration whose database is empty."""
    conf.set_override("connection", f"sqlite:///{tmp_path}/kingbird.sqlite", group="database")
    db.configure(conf)
    yield conf
    db.dispose()


def stamp(revision):
    with db.get_engine().begin() as bind:
        bind.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


def beat(name, release):
    db.engines.heartbeat(name, host=name, pid=1, version=release, rpc_version=version_cap.VERSION)


def test_an_empty_database(empty):
    checks = tables.DatabaseChecks(empty)
    found = checks.schema()
    assert found.code is Code.FAILURE
    assert "kingbird-manage db sync" in found.details
    for other in (checks.engines(), checks.jobs()):
        assert (other.code, other.details) == (Code.SUCCESS, tables.NOT_LOOKED_AT)


def test_a_schema_that_is_behind_still_tells_of_jobs_and_engines(
    database,
    next_revision,  # noqa: F811
):
    checks = tables.DatabaseChecks(database)
    found = checks.schema()
    assert found.code is Code.FAILURE
    assert f"is at {db.migration.current()}, this release needs {next_revision}" in found.details
    assert "kingbird-manage db sync" in found.details
    assert checks.jobs().code is Code.SUCCESS
    assert "None is alive" in checks.engines().details


def test_a_schema_that_is_ahead(database):
    stamp("2999.1")
    found = tables.DatabaseChecks(database).schema()
    assert found.code is Code.FAILURE
    assert "2999.1, which a newer release has made" in found.details


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://kingbird:s3cret@127.0.0.1:1/kingbird",
        "postgresql+psycopg2://kingbird:s3cret@127.0.0.1:1/kingbird",
    ],
)
def test_a_database_that_is_away(conf, url):
    conf.set_override("connection", url, group="database")
    conf.set_override("max_retries", 0, group="database")
    checks = tables.DatabaseChecks(conf)
    found = checks.schema()
    assert found.code is Code.FAILURE
    assert "at 127.0.0.1 can't be reached" in found.details
    assert "s3cret" not in found.details
    assert checks.engines().details == checks.jobs().details == tables.NOT_LOOKED_AT


@pytest.mark.parametrize("url", ["kingbird:s3cret@db/kingbird", "nosuch://kingbird:s3cret@db/k"])
def test_a_connection_that_is_no_url(conf, url):
    conf.set_override("connection", url, group="database")
    found = tables.DatabaseChecks(conf).schema()
    assert found.code is Code.FAILURE
    assert "s3cret" not in found.details


def test_engines_of_this_release(checks, database):
    assert "None is alive" in checks.engines().details
    beat("one", version.version_string())
    found = checks.engines()
    assert (found.code, found.details) == (Code.SUCCESS, "1 alive, all of this release")


def test_engines_of_another_release(checks, database):
    beat("new", version.version_string())
    beat("old", "0.9")
    found = checks.engines()
    assert found.code is Code.WARNING
    assert "1 of 2 engines" in found.details
    assert "old (0.9)" in found.details
    with db.get_engine().begin() as bind:
        silence = 1000 * db.engines.heartbeat_timeout(database)
        bind.execute(
            sa.update(db.Engine).where(db.Engine.id == "old").values(seen=db.Engine.seen - silence)
        )
    assert checks.engines().code is Code.SUCCESS


def test_messages_that_are_held_back_for_nobody(checks, database, monkeypatch):
    monkeypatch.setattr(version_cap, "VERSION", "1.1")
    database.set_override("engine", version_cap.BASE_VERSION, group="upgrade_levels")
    found = checks.engines()
    assert found.code is Code.WARNING
    assert "[upgrade_levels] engine" in found.details
    beat("old", "0.9")
    assert "old (0.9)" in checks.engines().details
    db.engines.deregister("old")
    database.set_override("engine", version_cap.VERSION, group="upgrade_levels")
    assert checks.engines().code is Code.SUCCESS


def test_jobs_that_run_with_a_token(checks):
    trusted = rows.accepted_job()
    assert checks.jobs().code is Code.SUCCESS
    rows.accepted_job(trust_id=None)
    found = checks.jobs()
    assert found.code is Code.WARNING
    assert "1 job(s) in progress run with their user's own token" in found.details
    assert trusted not in found.details


def test_jobs_whose_trust_has_expired(checks, database):
    job_id = rows.accepted_job()
    with db.get_engine().begin() as bind:
        past = utcnow() - timedelta(seconds=database.sync.trust_lifetime + 60)
        bind.execute(
            sa.update(db.Job).where(db.Job.id == job_id).values(created_at=past, updated_at=None)
        )
    found = checks.jobs()
    assert found.code is Code.WARNING
    assert "1 job(s) in progress are older than [sync] trust_lifetime" in found.details
    db.job_ends.end_job(db.jobs.get(rows.PROJECT, job_id))
    assert checks.jobs().code is Code.SUCCESS


@pytest.mark.parametrize(
    ("connection", "url", "code"),
    [
        ("sqlite:////k.sqlite", None, Code.SUCCESS),
        ("sqlite:////k.sqlite", "fake://", Code.SUCCESS),
        ("sqlite:////k.sqlite", "rabbit://k:s3cret@broker/", Code.WARNING),
        ("mysql+pymysql://k@db/k", "rabbit://k:s3cret@broker/", Code.SUCCESS),
    ],
)
def test_a_file_is_not_for_several_hosts(conf, tmp_path, connection, url, code):
    file = tmp_path / "kingbird.conf"
    transport = f"transport_url = {url}\n" if url else ""
    file.write_text(f"[DEFAULT]\n{transport}[database]\nconnection = {connection}\n")
    conf(["--config-file", str(file)], project="kingbird")
    found = tables.DatabaseChecks(conf).sqlite_with_broker()
    assert found.code is code
    assert "s3cret" not in (found.details or "")
