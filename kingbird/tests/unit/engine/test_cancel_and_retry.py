"""Jobs that are cancelled, and jobs that are tried again."""

import threading
import time

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, planned_job, row, sync_set
from kingbird.tests.waiting import PATIENCE, wait_for

#: Seconds for which a region asks for patience: only a cancel ends them before a test is given up.
LONG = int(2 * PATIENCE)


def counts(scene, job_id):
    statuses, outcomes, _ = db.jobs.outcome_counts(scene.get(job_id))
    return statuses, outcomes


def retry(scene, job_id, trust_id="again"):
    scene.keystone.trusts.add(trust_id)
    job = scene.get(job_id)
    return db.job_actions.retry(
        job, user_id="who", is_admin=False, trust_id=trust_id, request_id=None
    )


def whole(scene, *sets, trust_id="trust"):
    """Make a job over whole regions.

    :param sets: what sets say that is not any-to-any.
    """
    scene.keystone.trusts.add(trust_id)
    regions = ["R1", "R2", "R3"]
    any_to_any = sync_set(["*"], regions, regions, preferred=[])
    request = [{**any_to_any, **each} for each in sets or ({},)]
    return accepted_job(trust_id=trust_id, request=request)


def active(scene, region="R1", **fields):
    body = {"disk_format": "raw", "container_format": "bare", "visibility": "private", **fields}
    image_id = scene.glances[region].images_for(PROJECT).create(body)["id"]
    scene.glances[region].upload(image_id, b"data")
    return image_id


# Cancelling.


def slow_creates(scene, seconds=0.05):
    begun = threading.Event()

    def wait(detail):
        begun.set()
        time.sleep(seconds)

    for region in ("R2", "R3"):
        scene.glances[region].fail("create", wait, times=None)
    return begun


def creates(scene):
    """Return how many creates have begun in each target region."""
    return [scene.glances[region].count()["create"] for region in ("R2", "R3")]


@pytest.mark.parametrize("told", [True, False])
def test_a_cancelled_job_ends_with_what_was_under_way(scene, told):
    job_id = scene.job(*(scene.image(visibility="private") for _ in range(200)))
    begun = slow_creates(scene, 0.15)
    engine = scene.engine()
    assert begun.wait(PATIENCE)
    assert db.job_actions.cancel(scene.get(job_id))
    before = creates(scene)
    if told:
        engine.cancel(job_id)
    assert scene.tidied(job_id) == "CANCELLED"
    if told:
        most = 2 * scene.conf.sync.region_concurrency
        assert all(now - then <= most for then, now in zip(before, creates(scene), strict=True))
    statuses, outcomes = counts(scene, job_id)
    assert set(statuses) == {"SUCCESS", "CANCELLED"}
    assert statuses["CANCELLED"] == outcomes["cancelled"] > 100
    made = sum(len(scene.glances[region].ids) for region in ("R2", "R3"))
    assert made == statuses["SUCCESS"], "what was made is said"
    assert scene.keystone.trusts == set()
    assert not db.job_actions.cancel(scene.get(job_id))


@pytest.mark.parametrize("told", [True, False])
def test_calls_that_are_tried_again_end_with_the_job(scene, told):
    scene.conf.set_override("retry_timeout", 3 * PATIENCE, group="sync")
    job_id = scene.job(*(scene.image(visibility="private") for _ in range(40)))
    for region in ("R2", "R3"):
        scene.glances[region].fail("create", unavailable(retry_after=LONG), times=None)
    engine = scene.engine()
    most = scene.conf.sync.region_concurrency
    wait_for(lambda: creates(scene) == [most, most])
    assert db.job_actions.cancel(scene.get(job_id))
    if told:
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


@pytest.mark.parametrize("make", [whole, lambda scene: scene.job(scene.image(), targets=("R2",))])
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
    job_id = whole(scene)
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


# Trying again.


def test_only_what_failed_is_tried_again(scene):
    images = [scene.image(name=f"{n}", visibility="private") for n in range(5)]
    bad = images[2]
    scene.glances["R2"].fail(
        "create", lambda body: refused(403) if body["id"] == bad else None, times=None
    )
    job_id = scene.job(*images)
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    scene.glances["R2"].heal()
    before = scene.glances["R2"].count()["create"]
    assert retry(scene, job_id) == 1
    assert scene.tidied(job_id) == "SUCCESS"
    job = scene.get(job_id)
    assert (job.runs, job.tasks_open, job.plan_rest, job.trust_id) == (2, 0, None, None)
    assert scene.glances["R2"].count()["create"] == before + 1
    items = {(item.resource, item.target_region): item for item in scene.items(job_id)}
    assert len(items) == 10
    assert items[bad, "R2"].attempts == 2
    assert items[bad, "R2"].reason == "created"
    assert items[bad, "R3"].attempts == 1
    assert retry(scene, job_id) == 0, "nothing is left"


def test_what_is_in_order_by_now_is_said_so(scene):
    image = scene.image()
    scene.glances["R2"].fail("create", refused(403), times=1)
    job_id = scene.job(image, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    other = scene.job(image, targets=("R2",), trust_id="other")
    assert scene.ended(other) == "SUCCESS"
    retry(scene, job_id)
    assert scene.ended(job_id) == "SUCCESS"
    assert [item.reason for item in scene.items(job_id)] == ["in_sync"]


def test_a_burnt_id_is_asked_for_again(scene):
    image = scene.image()
    scene.engine()
    scene.ended(scene.job(image, targets=("R2",)))
    scene.glances["R2"].delete(image)
    job_id = scene.job(image, targets=("R2",), trust_id="second")
    assert scene.ended(job_id) == "SUCCESS"
    assert [item.status for item in scene.items(job_id)] == ["SKIPPED"]
    scene.glances["R2"].purge()
    assert retry(scene, job_id) == 1
    assert scene.ended(job_id) == "SUCCESS"
    assert [item.reason for item in scene.items(job_id)] == ["created"]


def test_a_cancelled_job_goes_on_where_it_was(scene):
    images = [scene.image(visibility="private") for _ in range(60)]
    job_id = scene.job(*images, targets=("R2",))
    begun = slow_creates(scene)
    engine = scene.engine()
    assert begun.wait(PATIENCE)
    db.job_actions.cancel(scene.get(job_id))
    engine.cancel(job_id)
    assert scene.ended(job_id) == "CANCELLED"
    scene.glances["R2"].heal()
    assert retry(scene, job_id) > 0
    assert scene.ended(job_id) == "SUCCESS"
    assert counts(scene, job_id)[0] == {"SUCCESS": 60}
    assert scene.glances["R2"].count()["create"] == 60, "nothing is made twice"


def test_a_region_that_was_away_is_compared_whole(scene):
    made = [active(scene, name=f"{n}") for n in range(3)]
    theirs = active(scene, "R3", name="theirs")
    scene.glances["R3"].fail("*", unavailable(), times=None)
    job_id = whole(scene)
    scene.conf.set_override("breaker_reset_timeout", 0.1, group="sync")
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    found = {(item.resource, item.target_region, item.reason) for item in scene.items(job_id)}
    assert found == {("*", "R3", "region_unavailable")} | {(one, "R2", "created") for one in made}
    scene.glances["R3"].heal()
    time.sleep(0.2)
    assert retry(scene, job_id) == 1
    assert scene.ended(job_id) == "SUCCESS"
    assert all(glance.ids == {*made, theirs} for glance in scene.glances.values())
    _, outcomes = counts(scene, job_id)
    assert outcomes == {"created": 8, "in_sync": 4}
    assert all(item.resource != "*" for item in scene.items(job_id))


def test_a_retry_plans_a_region_whose_ids_do_not_ascend(scene):
    ids = {f"{digit}0000000-0000-4000-8000-00000000000{digit}" for digit in "AbCd"}
    scene.glances["R3"].fail("list", unavailable(), times=None)
    job_id = whole(scene)
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    scene.glances["R3"].heal()
    for image_id in ids:
        active(scene, "R3", id=image_id)
    retry(scene, job_id)
    assert scene.ended(job_id) == "SUCCESS"
    for region in ("R1", "R2"):
        assert {name.lower() for name in scene.glances[region].ids} == {i.lower() for i in ids}
    assert scene.get(job_id).in_sync == {"R3": 4}


def test_a_region_is_compared_for_every_set_that_it_is_in(scene):
    first, second = active(scene), active(scene, "R2")
    dry = active(scene, "R3")
    scene.glances["R3"].fail("*", unavailable(), times=None)
    job_id = whole(
        scene,
        {"sources": ["R1"], "targets": ["R3"]},
        {"sources": ["R2"], "targets": ["R3"]},
        {"sources": ["R3"], "targets": ["R1"], "dry_run": True},
    )
    scene.conf.set_override("breaker_reset_timeout", 0.1, group="sync")
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert [item.resource for item in scene.items(job_id)] == ["*"]
    scene.glances["R3"].heal()
    time.sleep(0.2)
    assert retry(scene, job_id) == 1
    assert scene.ended(job_id) == "SUCCESS"
    assert scene.glances["R3"].ids == {first, second, dry}
    assert scene.glances["R1"].ids == {first}
    assert counts(scene, job_id)[0] == {"SUCCESS": 2, "PLANNED": 1}


def test_a_retry_that_makes_a_job_too_large_is_refused(scene):
    """What the run before has brought counts."""
    for n in range(4):
        active(scene, name=f"{n}")
    scene.glances["R3"].fail("*", unavailable(), times=None)
    scene.conf.set_override("breaker_reset_timeout", 0.1, group="sync")
    scene.conf.set_override("max_items_per_job", 7, group="sync")
    job_id = whole(scene)
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    scene.glances["R3"].heal()
    time.sleep(0.2)
    assert retry(scene, job_id) == 1
    assert scene.ended(job_id) == "FAILURE"
    assert counts(scene, job_id)[1] == {"created": 4, "too_many_items": 1, "in_sync": 4}
    assert not scene.glances["R3"].ids


def test_another_engine_goes_on_with_a_retry(scene):
    image = scene.image()
    scene.glances["R2"].fail("create", refused(403), times=1)
    job_id = scene.job(image, targets=("R2",))
    first = scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    first.stop()
    retry(scene, job_id)
    claim = db.leases.claim_job("dead", 3600)
    assert claim.job.id == job_id
    assert db.leases.claim_job("me", 1) is None
    db.leases.renew(claim, -1)
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"


def test_a_retry_whose_credentials_are_lost_fails_again(scene):
    image = scene.image()
    scene.glances["R2"].fail("create", refused(403), times=1)
    job_id = scene.job(image, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    retry(scene, job_id, trust_id="gone")
    scene.keystone.trusts.clear()
    wait_for(lambda: scene.get(job_id).runs == 2 and scene.get(job_id).status != "IN_PROGRESS")
    assert scene.get(job_id).status == "FAILURE"
    assert [(item.reason, item.attempts) for item in scene.items(job_id)] == [("forbidden", 2)]


def test_a_job_with_too_many_items_is_refused(scene):
    for n in range(4):
        active(scene, name=f"{n}")
    scene.conf.set_override("max_items_per_job", 7, group="sync")
    scene.engine()
    job_id = whole(scene)
    assert scene.ended(job_id) == "FAILURE"
    assert {(i.resource, i.target_region, i.reason) for i in scene.items(job_id)} == {
        ("*", region, "too_many_items") for region in ("R1", "R2", "R3")
    }
    assert not scene.glances["R2"].ids


def test_all_parts_of_a_plan_count_against_the_bound(scene):
    """What R1 and R2 bring each other is done; R3, which is late, would need as much again."""
    for n in range(4):
        active(scene, name=f"{n}")
    scene.conf.set_override("max_items_per_job", 7, group="sync")
    scene.conf.set_override("slow_region_timeout", 0.1, group="sync")
    others_done = threading.Event()

    def wait(query):
        others_done.wait(PATIENCE)

    scene.glances["R3"].fail("list", wait, times=None)
    job_id = whole(scene)
    scene.engine()
    wait_for(lambda: scene.get(job_id).plan_parts == 1)
    wait_for(lambda: len(scene.glances["R2"].ids) == 4)
    others_done.set()
    assert scene.ended(job_id) == "FAILURE"
    found = [(item.target_region, item.status, item.reason) for item in scene.items(job_id)]
    assert sorted(found) == [
        *[("R2", "SUCCESS", "created")] * 4,
        ("R3", "FAILURE", "too_many_items"),
    ]
    assert not scene.glances["R3"].ids


def test_who_tries_again_brings_credentials_of_their_own(scene):
    """An engine that still knows the first user's token does not use it for another's run."""
    image = scene.image()
    scene.glances["R2"].fail("create", refused(403), times=1)
    scene.keystone.trusts.add("first")
    job_id = scene.job(image, targets=("R2",), trust_id=None)
    engine = scene.engine()
    endpoints = {region: f"http://{region}" for region in ("R1", "R2", "R3")}
    engine.accept_token_job(job_id, "first", endpoints)
    assert scene.ended(job_id) == "FAILURE"
    # It should have been forgotten; another engine may have ended the job, though.
    engine.accept_token_job(job_id, "first", endpoints)
    job = scene.get(job_id)
    assert db.job_actions.retry(
        job, user_id="b", is_admin=False, trust_id=None, request_id="req-2"
    )
    engine.wake()
    time.sleep(0.5)
    assert scene.get(job_id).status == "IN_PROGRESS"
    assert not scene.glances["R2"].ids
    engine.accept_token_job(job_id, "second", endpoints, "req-2")
    assert scene.ended(job_id) == "SUCCESS"
