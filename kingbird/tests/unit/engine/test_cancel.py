"""Cancel jobs while they are planned, worked on or waited for."""

import threading
import time

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import item_rows
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import planned_job, row
from kingbird.tests.unit.engine.jobs import active, counts, slow_creates, wildcard_job
from kingbird.tests.waiting import PATIENCE, wait_for

#: Seconds for which a region asks for patience: only a cancel ends them before a test is given up.
LONG = int(2 * PATIENCE)


def creates(scene):
    """Return how many creates have begun in each target region."""
    return [scene.glances[region].count()["create"] for region in ("R2", "R3")]


@pytest.mark.parametrize("is_notified", [True, False])
def test_a_cancelled_job_ends_with_what_was_under_way(scene, is_notified):
    job_id = scene.job(*(scene.image(visibility="private") for _ in range(200)))
    begun = slow_creates(scene, 0.15)
    engine = scene.engine()
    assert begun.wait(PATIENCE)
    assert db.job_actions.cancel(scene.get(job_id))
    before = creates(scene)
    if is_notified:
        engine.cancel(job_id)
    assert scene.tidied(job_id) == "CANCELLED"
    if is_notified:
        most = 2 * scene.conf.sync.region_concurrency
        assert all(now - then <= most for then, now in zip(before, creates(scene), strict=True))
    statuses, outcomes = counts(scene, job_id)
    assert set(statuses) == {"SUCCESS", "CANCELLED"}
    assert statuses["CANCELLED"] == outcomes["cancelled"] > 100
    made = sum(len(scene.glances[region].ids) for region in ("R2", "R3"))
    assert made == statuses["SUCCESS"], "what was made is said"
    assert scene.keystone.trusts == set()
    assert not db.job_actions.cancel(scene.get(job_id))


@pytest.mark.parametrize("is_notified", [True, False])
def test_calls_that_are_tried_again_end_with_the_job(scene, is_notified):
    scene.conf.set_override("retry_timeout", 3 * PATIENCE, group="sync")
    job_id = scene.job(*(scene.image(visibility="private") for _ in range(40)))
    for region in ("R2", "R3"):
        scene.glances[region].fail("create", unavailable(retry_after=LONG), times=None)
    engine = scene.engine()
    most = scene.conf.sync.region_concurrency
    wait_for(lambda: creates(scene) == [most, most])
    assert db.job_actions.cancel(scene.get(job_id))
    if is_notified:
        engine.cancel(job_id)
    wait_for(lambda: scene.get(job_id).status != "IN_PROGRESS")
    assert counts(scene, job_id) == ({"CANCELLED": 80}, {"cancelled": 80})
    time.sleep(0.5)
    assert creates(scene) == [most, most], "nothing was begun after the cancel"
    wait_for(lambda: not scene.keystone.trusts)


def test_calls_of_another_job_do_not_hold_up_the_end_of_a_job(scene):
    """They have all of the region's workers, and wait for the region themselves."""
    scene.conf.set_override("retry_timeout", 3 * PATIENCE, group="sync")
    scene.glances["R2"].fail("create", unavailable(retry_after=LONG), times=None)
    most = scene.conf.sync.region_concurrency
    scene.keystone.trusts.add("second")
    second = planned_job(row(scene.image()), trust_id="second")
    # The engine gets it when the first job has all workers.
    kept = db.leases.claim_task("another engine", 3600)
    first = scene.job(*(scene.image() for _ in range(most)), targets=("R2",))
    engine = scene.engine()
    wait_for(lambda: creates(scene)[0] == most)
    db.leases.release(kept)
    engine.wake()
    wait_for(lambda: scene.keystone.calls.count("token") == 3)
    db.job_actions.cancel(scene.get(second))
    wait_for(lambda: scene.get(second).status != "IN_PROGRESS")
    assert counts(scene, second)[0] == {"CANCELLED": 1}
    db.job_actions.cancel(scene.get(first))
    assert scene.ended(first) == "CANCELLED"


def test_an_image_that_was_made_is_said_though_it_could_not_be_shared(scene):
    image = scene.image(visibility="shared")
    scene.glances["R1"].share(image, "f" * 32)
    scene.conf.set_override("retry_timeout", 3 * PATIENCE, group="sync")
    scene.glances["R2"].fail("share", unavailable(retry_after=LONG), times=None)
    job_id = scene.job(image, targets=("R2",))
    scene.engine()
    wait_for(lambda: scene.glances["R2"].count()["share"])
    db.job_actions.cancel(scene.get(job_id))
    wait_for(lambda: scene.get(job_id).status != "IN_PROGRESS")
    (item,) = scene.items(job_id)
    assert (item.status, item.reason) == ("SUCCESS", "created")
    assert "Not shared with: " + "f" * 32 in item.message


def test_a_job_that_was_not_begun_is_cancelled(scene):
    job_id = scene.job(scene.image())
    db.job_actions.cancel(scene.get(job_id))
    scene.engine()
    assert scene.tidied(job_id) == "CANCELLED"
    assert counts(scene, job_id)[0] == {"CANCELLED": 2}
    assert not scene.glances["R2"].count()["create"]
    assert scene.keystone.trusts == set()


def test_a_job_that_waits_for_keystone_is_cancelled(scene):
    job_id = scene.job(scene.image())
    scene.keystone.problem = exception.KeystoneUnavailable("Away.")
    scene.engine()
    wait_for(lambda: scene.keystone.calls)
    db.job_actions.cancel(scene.get(job_id))
    wait_for(lambda: scene.get(job_id).status != "IN_PROGRESS")
    assert counts(scene, job_id) == ({"CANCELLED": 2}, {"cancelled": 2})
    assert scene.get(job_id).trust_id == "trust", "it is deleted when Keystone is back"


@pytest.mark.parametrize(
    "make", [wildcard_job, lambda scene: scene.job(scene.image(), targets=("R2",))]
)
def test_a_plan_that_waits_for_a_region_is_cancelled(scene, make):
    scene.conf.set_override("retry_timeout", 3 * PATIENCE, group="sync")
    scene.glances["R2"].fail("list", unavailable(retry_after=LONG), times=None)
    job_id = make(scene)
    engine = scene.engine()
    wait_for(lambda: scene.glances["R2"].count()["list"])
    db.job_actions.cancel(scene.get(job_id))
    wait_for(lambda: scene.get(job_id).status != "IN_PROGRESS")
    assert {item.status for item in scene.items(job_id)} == {"CANCELLED"}
    assert engine.describe()["regions left alone"] == []


def test_a_plan_is_cancelled_on_the_way(scene):
    for n in range(1200):
        active(scene, name=f"{n}")
    reached, go_on = threading.Event(), threading.Event()

    def wait(query):
        if "marker" in query:
            reached.set()
            go_on.wait(PATIENCE)

    scene.glances["R1"].before_page = wait
    job_id = wildcard_job(scene)
    engine = scene.engine()
    assert reached.wait(PATIENCE)
    db.job_actions.cancel(scene.get(job_id))
    engine.cancel(job_id)
    go_on.set()
    assert scene.ended(job_id) == "CANCELLED"
    assert {(item.resource, item.status) for item in scene.items(job_id)} == {("*", "CANCELLED")}
    assert not scene.glances["R2"].ids


def test_what_had_ended_before_it_was_cancelled_keeps_its_outcome(scene):
    job_id = scene.job(scene.image())
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert not db.job_actions.cancel(scene.get(job_id))
    assert scene.get(job_id).status == "SUCCESS"


def test_rows_of_a_large_job_follow_its_end_and_come_back_with_a_retry(scene, monkeypatch):
    monkeypatch.setattr(item_rows, "LIMIT", 3)
    images = [scene.image() for _ in range(5)]
    job_id = scene.job(*images)
    db.job_actions.cancel(scene.get(job_id))
    engine = scene.engine()
    assert scene.tidied(job_id) == "CANCELLED"
    wait_for(lambda: not db.settling.unsettled())
    assert {item.status for item in scene.items(job_id)} == {"CANCELLED"}
    assert counts(scene, job_id)[0] == {"CANCELLED": 10}
    scene.keystone.trusts.add("again")
    about = {"user_id": "u", "is_admin": False, "trust_id": "again", "request_id": "r"}
    assert db.job_actions.retry(scene.get(job_id), **about) == 10
    engine.wake()
    assert scene.tidied(job_id) == "SUCCESS"
    assert counts(scene, job_id)[0] == {"SUCCESS": 10}
    assert {item.attempts for item in scene.items(job_id)} == {2}
