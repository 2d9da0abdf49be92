"""Retry jobs that failed or were cancelled."""

import time

from kingbird.db import api as db
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.db.rows import renew
from kingbird.tests.unit.engine.jobs import active, counts, retry, slow_creates, wildcard_job
from kingbird.tests.waiting import PATIENCE, wait_for


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


def test_an_unusable_id_is_asked_for_again(scene):
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


def test_a_region_that_was_away_is_compared_completely(scene):
    made = [active(scene, name=f"{n}") for n in range(3)]
    theirs = active(scene, "R3", name="theirs")
    scene.glances["R3"].fail("*", unavailable(), times=None)
    job_id = wildcard_job(scene)
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
    job_id = wildcard_job(scene)
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
    job_id = wildcard_job(
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
    """Count the records that the run before created."""
    for n in range(4):
        active(scene, name=f"{n}")
    scene.glances["R3"].fail("*", unavailable(), times=None)
    scene.conf.set_override("breaker_reset_timeout", 0.1, group="sync")
    scene.conf.set_override("max_items_per_job", 7, group="sync")
    job_id = wildcard_job(scene)
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
    renew(claim, -1)
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
