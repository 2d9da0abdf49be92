"""A region that is away pauses the tasks for it, and costs no item."""

import threading

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.engine import away_regions
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.waiting import wait_for

RESET = 0.3


@pytest.fixture(autouse=True)
def patient(scene, monkeypatch):
    """Let tasks wait for regions, and look at them often."""
    monkeypatch.setattr(away_regions, "SHORTEST_PAUSE", RESET)
    for name, value in (
        ("region_patience", 1800),
        ("retry_timeout", 0),
        ("breaker_threshold", 5),
        ("breaker_reset_timeout", RESET),
    ):
        scene.conf.set_override(name, value, group="sync")


class Outage:
    """R2, which answers some calls that write and then none."""

    def __init__(self, scene, *, after: int) -> None:
        self._glance = scene.glances["R2"]
        self._left = after
        self._lock = threading.Lock()
        self.is_over = False
        for call in ("create", "get"):
            self._glance.fail(call, self._fail, times=None)

    def _fail(self, _):
        with self._lock:
            self._left -= 1
            return unavailable() if self._left < 0 and not self.is_over else None


def reasons(scene, job_id):
    return {(item.target_region, item.reason) for item in scene.items(job_id)}


def waits_for(scene, job_id):
    """Return what an answer about a job tells."""
    return set(db.jobs.numbers_of(scene.get(job_id)).waits_for)


def listed_as_waiting(scene, job_id):
    """Return what a list of jobs tells."""
    details = db.job_details.list_details(None, with_all_projects=True)
    return next(set(one.waits_for) for one in details if one.job.id == job_id)


def task(scene, job_id):
    query = sa.select(db.Task).where(db.Task.job_pk == scene.get(job_id).pk)
    with db.get_engine().connect() as bind:
        return bind.execute(query.where(db.Task.region == "R2")).one()


def paused(scene, job_id):
    """Wait until a job waits for R2, and nothing holds its task."""
    wait_for(lambda: waits_for(scene, job_id) == {"R2"} and task(scene, job_id).engine_id is None)


def set_away(seconds):
    """Let all paused tasks have waited for some time."""
    with db.get_engine().begin() as bind:
        bind.execute(
            sa.update(db.Task)
            .where(db.Task.away_since.is_not(None))
            .values(away_since=db.Task.away_since - seconds * 1000)
        )


def test_an_outage_costs_no_item(scene):
    outage = Outage(scene, after=20)
    images = [scene.image() for _ in range(60)]
    job_id = scene.job(*images)
    engine = scene.engine()
    paused(scene, job_id)
    wait_for(lambda: not engine.describe()["works on"])
    assert listed_as_waiting(scene, job_id) == {"R2"}
    assert {reason for _, reason in reasons(scene, job_id)} <= {"created", None}
    outage.is_over = True
    assert scene.ended(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {("R2", "created"), ("R3", "created")}
    assert scene.glances["R2"].ids == set(images)
    assert waits_for(scene, job_id) == listed_as_waiting(scene, job_id) == set()


def test_a_region_that_stays_away_fails_fast_after_some_time(scene):
    Outage(scene, after=10)
    job_id = scene.job(*(scene.image() for _ in range(60)), targets=("R2",))
    scene.engine()
    paused(scene, job_id)
    set_away(1801)
    scene.glances["R2"].calls.clear()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {("R2", "created"), ("R2", "region_unavailable")}
    messages = {item.message for item in scene.items(job_id)} - {None}
    assert messages == {
        "Region R2 has been away for more than 1800 seconds, so this was not tried any more"
    }
    assert scene.glances["R2"].count().total() <= 2, "nobody asks item by item"


def test_the_time_goes_on_when_an_engine_dies(scene):
    Outage(scene, after=0)
    job_id = scene.job(scene.image(), targets=("R2",))
    first = scene.engine()
    paused(scene, job_id)
    since = task(scene, job_id).away_since
    first.stop()
    scene.engine()
    wait_for(lambda: task(scene, job_id).generation > task(scene, job_id).attempts + 1)
    paused(scene, job_id)
    assert task(scene, job_id).away_since == since
    set_away(1801)
    assert scene.ended(job_id) == "FAILURE"


def test_the_time_begins_anew_when_the_region_has_answered(scene):
    outage = Outage(scene, after=0)
    job_id = scene.job(*(scene.image() for _ in range(40)), targets=("R2",))
    scene.engine()
    paused(scene, job_id)
    set_away(1000)
    before = task(scene, job_id).away_since
    with outage._lock:
        # One look at the region, and some writes.
        outage._left = 21
    wait_for(lambda: (task(scene, job_id).away_since or 0) > before + 900_000)
    outage.is_over = True
    assert scene.ended(job_id) == "SUCCESS"


@pytest.mark.parametrize("images", [1, 20])
def test_a_cancelled_job_does_not_wait(scene, images):
    scene.conf.set_override("breaker_reset_timeout", 3600, group="sync")
    Outage(scene, after=0)
    job_id = scene.job(*(scene.image() for _ in range(images)), targets=("R2",))
    engine = scene.engine()
    paused(scene, job_id)
    db.job_actions.cancel(scene.get(job_id))
    engine.cancel(job_id)
    assert scene.ended(job_id) == "CANCELLED"


def test_a_job_whose_trust_ends_does_not_wait(scene):
    Outage(scene, after=0)
    job_id = scene.job(scene.image(), targets=("R2",))
    scene.engine()
    paused(scene, job_id)
    scene.keystone.trusts.clear()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {("R2", "forbidden")}


@pytest.mark.parametrize("bad", [1, 3])
def test_items_that_fail_by_themselves_pause_nothing(scene, bad):
    images = [scene.image() for _ in range(30)]
    failing = set(images[:bad])
    scene.glances["R2"].fail(
        "create", lambda body: unavailable(500) if body["id"] in failing else None, times=None
    )
    job_id = scene.job(*images, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    failed = {one.resource for one in scene.items(job_id) if one.reason == "region_unavailable"}
    assert failed == failing
    assert scene.glances["R2"].ids == set(images) - failing
    assert scene.glances["R2"].count()["create"] == len(images) + bad, "they are tried twice"


def test_an_item_that_fails_for_a_moment_is_tried_once_more(scene):
    images = [scene.image() for _ in range(10)]
    scene.glances["R2"].fail("create", unavailable(), times=3)
    job_id = scene.job(*images, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"


def test_an_image_waits_for_its_kernel(scene):
    outage = Outage(scene, after=0)
    kernel = scene.image(disk_format="aki", container_format="aki")
    ami = scene.image(disk_format="ami", container_format="ami", kernel_id=kernel)
    job_id = scene.job(ami, targets=("R2",))
    scene.engine()
    paused(scene, job_id)
    outage.is_over = True
    assert scene.ended(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {("R2", "created")}


def test_what_waits_for_a_region_that_nobody_is_to_look_at_is_not_claimed(scene):
    Outage(scene, after=0)
    jobs = [scene.job(scene.image(), targets=("R2",), trust_id=f"t{n}") for n in range(2)]
    engine = scene.engine()
    for job_id in jobs:
        paused(scene, job_id)
    engine.stop()
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Task).values(engine_id=None, lease_expires=None))
    assert db.leases.claim_task("e", 60, resting_regions=["R2", "R3"]) is None
    db.job_actions.cancel(scene.get(jobs[1]))
    assert db.leases.claim_task("e", 60, resting_regions=["R2"]).job.id == jobs[1]
    assert db.leases.claim_task("e", 60, resting_regions=["R3"]).job.id == jobs[0]


def test_an_engine_tells_which_regions_are_not_to_be_looked_at(scene, monkeypatch):
    scene.conf.set_override("breaker_reset_timeout", 3600, group="sync")
    scene.conf.set_override("breaker_threshold", 1, group="sync")
    resting, claim_task = [], db.leases.claim_task

    def claim(*args, **kwargs):
        resting.append(kwargs["resting_regions"])
        return claim_task(*args, **kwargs)

    monkeypatch.setattr(db.leases, "claim_task", claim)
    Outage(scene, after=0)
    job_id = scene.job(scene.image(), targets=("R2",))
    engine = scene.engine()
    paused(scene, job_id)
    engine.wake()
    wait_for(lambda: resting[-1] == ["R2"])
    assert resting[0] == []


def test_no_patience_at_all(scene):
    scene.conf.set_override("region_patience", 0, group="sync")
    Outage(scene, after=0)
    job_id = scene.job(*(scene.image() for _ in range(20)), targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {("R2", "region_unavailable")}
