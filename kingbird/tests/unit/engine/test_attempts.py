"""Engines that are killed and databases that go away end no job that gets on."""

import contextlib
import threading

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import connection
from kingbird.engine.leases import LeaseKeeper
from kingbird.tests.unit.db.rows import LEASE, PROJECT, expire, outcome, row, store_plan
from kingbird.tests.waiting import PATIENCE, wait_for

MAX_ATTEMPTS = 2


@pytest.fixture
def few(scene):
    """Give a scene in which little is tried again."""
    scene.conf.set_override("max_attempts", MAX_ATTEMPTS, group="engine")
    return scene


def test_engines_that_are_killed_while_a_task_progresses(few):
    images = [few.image() for _ in range(2 * MAX_ATTEMPTS + 2)]
    job_id = few.job(*images, targets=("R2",))
    formats = {"name": "one", "disk_format": "raw", "container_format": "bare"}
    work = {"owner": PROJECT, "data": {}, "references": {}}
    rows = [row(image, work={"record": {"id": image, **formats}, **work}) for image in images]
    store_plan(db.leases.claim_job("dead", LEASE), rows)
    for number in range(2 * MAX_ATTEMPTS):
        claim = db.leases.claim_task(f"dead {number}", LEASE)
        assert claim.row.attempts == 0
        db.outcomes.record(claim, outcome(claim))
        expire()
    few.engine()
    assert few.ended(job_id) == "SUCCESS"


def test_engines_that_are_killed_while_a_plan_progresses(few):
    job_id = few.job("*", targets=("R2", "R3"))
    for part in range(2 * MAX_ATTEMPTS):
        claim = db.leases.claim_job(f"dead {part}", LEASE)
        assert claim.row.attempts == 0
        rest = {"known_to": {"R9": "a"}, "unsorted": []}
        store_plan(claim, [row(f"i{part}", status="SUCCESS")], part=part, cursor=rest)
        expire()
    assert few.get(job_id).attempts == 0


@pytest.mark.parametrize("planned", [False, True])
def test_what_kills_its_engine_again_and_again_is_given_up(few, planned):
    job_id = few.job(few.image(), targets=("R2",))
    if planned:
        store_plan(db.leases.claim_job("one", LEASE), [row()])
    take = db.leases.claim_task if planned else db.leases.claim_job
    for number in range(MAX_ATTEMPTS):
        assert take(f"dead {number}", LEASE)
        expire()
    few.engine()
    assert few.ended(job_id) == "FAILURE"
    (item,) = few.items(job_id)
    assert item.reason == "internal_error"
    assert "got no further" in item.message


@pytest.fixture
def outage(monkeypatch):
    """Give an event; while it is set, the database is away."""
    away = threading.Event()

    def failing(function):
        @contextlib.contextmanager
        def call():
            if away.is_set():
                raise exception.Unavailable("Away.")
            with function() as session:
                yield session

        return call

    for name in ("reader", "writer"):
        monkeypatch.setattr(connection, name, failing(getattr(connection, name)))
    return away


def test_outages_before_any_progress_end_no_task(few, outage):
    """Each outage comes while the only record is being made, so nothing is ever recorded."""
    made, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def slow(_):
        if over.is_set():
            return None
        made.set()
        assert go_on.wait(PATIENCE)
        go_on.clear()
        return exception.ImageRequestRejected("Not yet", 409)

    few.glances["R2"].fail("create", slow, times=None)
    job_id = few.job(few.image(), targets=("R2",))
    one = few.engine()
    for number in range(MAX_ATTEMPTS + 2):
        assert made.wait(PATIENCE)
        made.clear()
        outage.set()
        expire()
        go_on.set()
        wait_for(lambda: not one.describe()["works on"])
        wait_for(lambda: one._leases.is_after_outage)
        if number == MAX_ATTEMPTS + 1:
            over.set()
        outage.clear()
    assert few.ended(job_id) == "SUCCESS"


def test_a_database_that_fails_or_hangs_is_an_outage(monkeypatch):
    leases = LeaseKeeper(0.2)
    assert not leases.is_after_outage
    with leases.watch_database():
        pass
    assert not leases.is_after_outage
    with pytest.raises(exception.Unavailable), leases.watch_database():
        raise exception.Unavailable("Away.")
    assert leases.is_after_outage
    slow = LeaseKeeper(0.2)
    with slow.watch_database():
        threading.Event().wait(0.15)
    assert slow.is_after_outage
    wait_for(lambda: not slow.is_after_outage)


@pytest.mark.parametrize("hangs", [False, True])
def test_a_lease_that_is_not_renewed_tells_of_an_outage(few, monkeypatch, hangs):
    few.job("i1")
    claim = db.leases.claim_job("me", LEASE)
    leases = LeaseKeeper(0.2)

    def renew(*_):
        if not hangs:
            raise exception.Unavailable("Away.")
        threading.Event().wait(0.15)
        return db.leases.Renewal([], [])

    monkeypatch.setattr(db.leases, "renew", renew)
    with leases.hold(claim, 0.0):
        leases.renew()
    assert leases.is_after_outage


def test_a_claim_whose_work_can_not_even_be_ended_is_in_the_log(few, monkeypatch, caplog):
    """Nobody takes the result of the thread that worked on it."""

    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(db.outcomes, "end_task", fail)
    few.keystone.trusts.clear()
    job_id = few.job(few.image(), targets=("R2",), trust_id=None)
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).values(credentials="trust", trust_id="gone"))
    one = few.engine()
    wait_for(lambda: f"Unexpected error in the work on job {job_id}" in caplog.text)
    wait_for(lambda: not one.describe()["works on"])
    # Its thread is free for other work.
    wait_for(lambda: one._dispatcher._free._value == few.conf.engine.max_tasks)
