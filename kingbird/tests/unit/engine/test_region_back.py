"""A new job asks a region that was away, though its breaker is open."""

import threading

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import LEASE, PROJECT, row, store_plan
from kingbird.tests.waiting import PATIENCE, wait_for

THRESHOLD = 2


@pytest.fixture
def away(scene):
    """Give a scene in which R2 is away and its breaker is open, for long."""
    for name, value in (
        ("breaker_threshold", THRESHOLD),
        ("breaker_reset_timeout", 3600),
        ("retry_timeout", 0),
    ):
        scene.conf.set_override(name, value, group="sync")
    scene.glances["R2"].fail("*", unavailable(), times=None)
    one = scene.engine()
    images = [scene.image() for _ in range(3)]
    for number in range(THRESHOLD):
        job_id = scene.job(*images, targets=("R2",), trust_id=f"old {number}")
        assert scene.ended(job_id) == "FAILURE"
    assert one.describe()["regions left alone"] == ["R2"]
    scene.glances["R2"].calls.clear()
    # If a trial were retried, the tests would take an hour.
    scene.conf.set_override("retry_timeout", 3600, group="sync")
    return scene


def reasons(scene, job_id):
    return {(item.target_region, item.reason) for item in scene.items(job_id)}


@pytest.mark.parametrize("kind", ["by id", "wildcard"])
def test_the_first_job_after_an_outage_runs(away, kind):
    away.glances["R2"].heal()
    job_id = away.job(*(["*"] if kind == "wildcard" else [away.image()]), targets=("R2",))
    assert away.ended(job_id) == "SUCCESS"
    assert away.engines[0].describe()["regions left alone"] == []


def test_a_task_that_another_engine_planned_asks_too(away):
    """The breaker of the engine that planned it is closed."""
    image = away.image()
    formats = {"name": "one", "disk_format": "raw", "container_format": "bare"}
    work = {"record": {"id": image, **formats}, "owner": PROJECT, "data": {}, "references": {}}
    job_id = away.job(image, targets=("R2",), trust_id=None)
    store_plan(db.leases.claim_job("other", LEASE, {job_id: None}), [row(image, work=work)])
    away.glances["R2"].heal()
    away.keystone.trusts.add("t")
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).values(credentials="trust", trust_id="t", engine_id=None))
    assert away.ended(job_id) == "SUCCESS"


def test_a_job_that_comes_during_an_outage_makes_one_call(away):
    for number in range(3):
        image = away.image()
        job_id = away.job(image, targets=("R2", "R3"), trust_id=f"new {number}")
        assert away.ended(job_id) == "FAILURE"
        assert reasons(away, job_id) == {("R2", "region_unavailable"), ("R3", "created")}
        assert away.glances["R2"].count().total() == number + 1


def test_a_retry_asks_as_a_new_job_does(away):
    image = away.image()
    job_id = away.job(image, targets=("R2",), trust_id="new")
    assert away.ended(job_id) == "FAILURE"
    away.glances["R2"].heal()
    away.keystone.trusts.add("again")
    about = {"user_id": "u", "is_admin": False, "request_id": "r"}
    assert db.job_actions.retry(away.get(job_id), trust_id="again", **about)
    assert away.ended(job_id) == "SUCCESS"


def test_jobs_that_come_at_once_share_one_call(away, monkeypatch):
    one, submitted = away.engines[0], []
    caller = one._breakers.caller

    def count(region, run):
        found = caller(region, run)
        if region == "R2":
            submitted.append(run)
        return found

    monkeypatch.setattr(one._breakers, "caller", count)
    asked, answer = threading.Event(), threading.Event()

    def hang(_):
        asked.set()
        assert answer.wait(PATIENCE)
        return unavailable()

    away.glances["R2"].heal()
    away.glances["R2"].fail("*", hang, times=None)
    jobs = [away.job(away.image(), targets=("R2",), trust_id=f"t{n}") for n in range(10)]
    one.wake()
    assert asked.wait(PATIENCE)
    wait_for(lambda: len(set(submitted)) == len(jobs))
    answer.set()
    assert {away.ended(job_id) for job_id in jobs} == {"FAILURE"}
    assert away.glances["R2"].count().total() == 1
