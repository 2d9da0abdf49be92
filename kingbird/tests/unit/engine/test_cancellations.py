"""Cancellations: what is asked of the database, and what is remembered."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.db.job_actions import Part
from kingbird.engine import cancellations
from kingbird.engine.cancellations import Cancellations
from kingbird.tests.unit.db.rows import PROJECT, accepted_job
from kingbird.tests.waiting import PATIENCE


@pytest.fixture
def job(database):
    return db.jobs.get(PROJECT, accepted_job())


def test_a_message_saves_waiting_for_the_next_query(job, monkeypatch):
    monkeypatch.setattr(cancellations, "POLL_INTERVAL", 3600)
    known = Cancellations()
    known.raise_if_cancelled(job)
    assert db.job_actions.cancel(job)
    assert not known.is_cancelled(job)
    known.mark_stale(job.id)
    assert known.is_cancelled(job)
    with pytest.raises(exception.Cancelled):
        known.raise_if_cancelled(job)


def test_an_outage_is_ignored_where_the_caller_says_so(job, monkeypatch):
    def away(job):
        raise exception.Unavailable("Away.")

    monkeypatch.setattr(cancellations, "POLL_INTERVAL", 0)
    monkeypatch.setattr(db.job_actions, "cancellation", away)
    known = Cancellations()
    assert not known.is_cancelled(job, ignore_outage=True)
    known.raise_if_cancelled(job, ignore_outage=True)
    with pytest.raises(exception.Unavailable):
        known.is_cancelled(job)
    with pytest.raises(exception.Unavailable):
        known.raise_if_cancelled(job)


def test_a_database_that_is_silent_holds_up_one_thread(job, monkeypatch):
    asked, answer = threading.Event(), threading.Event()

    def silent(job):
        asked.set()
        assert answer.wait(PATIENCE)
        return True, []

    monkeypatch.setattr(cancellations, "POLL_INTERVAL", 0.001)
    monkeypatch.setattr(db.job_actions, "cancellation", silent)
    known = Cancellations()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(known.is_cancelled, job)
        assert asked.wait(PATIENCE)
        assert not known.is_cancelled(job)
        answer.set()
        assert first.result(PATIENCE)
    assert known.is_cancelled(job)


def test_the_run_after_a_retry_is_not_cancelled_and_ended_jobs_are_forgotten(job, monkeypatch):
    known = Cancellations()
    db.job_actions.cancel(job)
    assert known.is_cancelled(job)
    known.prune()
    assert known._cancelled, "it goes on until an engine has ended it"
    db.job_ends.end_job(job, "cancelled", "")
    known.prune()
    assert not known._cancelled
    assert db.job_actions.retry(
        db.jobs.get(PROJECT, job.id), user_id="u", is_admin=False, trust_id="t", request_id="r"
    )
    assert not known.is_cancelled(db.jobs.get(PROJECT, job.id))


def test_parts_that_are_cancelled_are_remembered_and_forgotten(job):
    known = Cancellations()
    both = Part(["R2"], ["i1"])
    assert db.job_actions.cancel_part(job, both)
    assert not known.leaves_out(job, "R2", "i1"), "nobody has asked yet"
    assert not known.is_cancelled(job)
    assert known.leaves_out(job, "R2", "i1")
    assert not known.leaves_out(job, "R2", "i2")
    assert not known.leaves_out(job, "R3", "i1")
    # An engine that reads the row later need not ask.
    assert Cancellations().leaves_out(db.jobs.get(PROJECT, job.id), "R2", "i1")
    db.job_ends.end_job(db.jobs.get(PROJECT, job.id), "quota", "")
    known.prune()
    assert not known._parts


def test_an_engines_reaper_empties_the_map(scene):
    job_id = scene.job(scene.image())
    job = scene.get(job_id)
    one = scene.engine(start=False)
    assert db.job_actions.cancel(job)
    assert one._cancellations.is_cancelled(job)
    one._reap()
    assert one._cancellations._cancelled
    # Another engine ends it.
    db.job_ends.end_job(scene.get(job_id), "cancelled", "")
    assert db.jobs.delete(PROJECT, job_id)
    one._reap()
    assert one._cancellations._cancelled == set()
    assert len(one._cancellations._checked) <= 1
