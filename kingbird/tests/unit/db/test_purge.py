"""Old jobs are deleted for good."""

from contextlib import contextmanager
from datetime import timedelta
from unittest import mock

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import connection
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, planned_job, row, utcnow

DAY = 86400


def set_columns(job_id, **columns):
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).where(db.Job.id == job_id).values(**columns))


def a_job(days, *, ended=True):
    """Store a job that has changed last some days ago."""
    job_id = planned_job(row("i1"), row("i2"))
    if ended:
        db.job_ends.end_job(db.jobs.get(PROJECT, job_id))
    moment = utcnow() - timedelta(days=days)
    set_columns(job_id, created_at=moment, updated_at=moment)
    return job_id


def left():
    return {job.id for job in db.jobs.list_for_project(PROJECT)}


def rows_of(model):
    with db.get_engine().connect() as bind:
        return bind.scalar(sa.select(sa.func.count()).select_from(model))


def test_what_ended_long_ago_goes_with_all_its_rows(database):
    new, running = a_job(9), a_job(99, ended=False)
    old = [a_job(11) for _ in range(3)]
    assert left() == {new, running, *old}
    assert db.maintenance.purge(10 * DAY, 100) == 3
    assert left() == {new, running}
    assert (rows_of(db.Item), rows_of(db.Task)) == (4, 2)
    assert db.maintenance.purge(10 * DAY, 100) == 0


def test_by_the_batch(database):
    for _ in range(5):
        a_job(2)
    assert [db.maintenance.purge(DAY, 2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_job_that_was_changed_since_stays(database):
    """As one that was tried again."""
    job_id = a_job(99)
    set_columns(job_id, updated_at=utcnow())
    assert db.maintenance.purge(DAY, 100) == 0
    assert left() == {job_id}


def test_a_job_whose_next_run_has_ended_meanwhile_stays(database, monkeypatch):
    """It was tried again between the look for old jobs and their deletion."""
    job_id = a_job(99)
    writer = connection.writer

    @contextmanager
    def late():
        with writer() as session:
            scalars = session.scalars

            def find(query):
                found = scalars(query).all()
                session.execute(sa.update(db.Job).values(updated_at=utcnow(), runs=2))
                return mock.Mock(all=lambda: found)

            monkeypatch.setattr(session, "scalars", find)
            yield session

    monkeypatch.setattr(connection, "writer", late)
    assert db.maintenance.purge(DAY, 100) == 0
    assert left() == {job_id}


def test_a_job_that_was_never_changed_counts_from_its_beginning(database):
    old, new = a_job(3), a_job(0)
    for job_id in (old, new):
        set_columns(job_id, updated_at=None)
    assert db.maintenance.purge(DAY, 100) == 1
    assert left() == {new}


def test_jobs_that_wait_are_not_purged(database):
    job_id = accepted_job()
    set_columns(job_id, created_at=utcnow() - timedelta(days=99))
    assert db.maintenance.purge(DAY, 100) == 0
    assert left() == {job_id}
