"""One region or one image of a job is cancelled or retried, and the rest is left as it is."""

import dataclasses
from collections import Counter

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db.job_actions import MAX_PARTS, Part
from kingbird.sync.item import WriteSpec
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import row
from kingbird.tests.unit.engine.jobs import active, counts, slow_creates
from kingbird.tests.waiting import PATIENCE, wait_for


def outcomes(scene, job_id):
    """Return region and status of each item, counted."""
    return Counter((item.target_region, item.status) for item in scene.items(job_id))


def retry(scene, job_id, **part):
    return db.job_actions.retry(
        scene.get(job_id),
        user_id="who",
        is_admin=False,
        trust_id=scene.keystone.trusts.make("again"),
        request_id="r",
        part=Part(**part),
    )


def test_a_region_is_cancelled_and_the_other_goes_on(scene):
    job_id = scene.job(*(active(scene) for _ in range(60)))
    begun = slow_creates(scene, 0.05)
    engine = scene.engine()
    assert begun.wait(PATIENCE)
    assert db.job_actions.cancel_part(scene.get(job_id), Part(["R2"]))
    engine.cancel(job_id)
    assert scene.tidied(job_id) == "CANCELLED"
    found = outcomes(scene, job_id)
    assert found["R3", "SUCCESS"] == 60
    assert found["R2", "CANCELLED"] > 20
    assert found["R2", "SUCCESS"] == len(scene.glances["R2"].ids), "what was made is said"
    assert counts(scene, job_id)[0] == {
        "SUCCESS": 60 + found["R2", "SUCCESS"],
        "CANCELLED": found["R2", "CANCELLED"],
    }
    assert not scene.get(job_id).cancelled


def test_an_image_that_is_cancelled_before_the_plan_is_never_written(scene):
    left, kept = active(scene), active(scene)
    job_id = scene.job(left, kept)
    assert db.job_actions.cancel_part(scene.get(job_id), Part(resources=[left]))
    scene.engine()
    assert scene.tidied(job_id) == "CANCELLED"
    for region in ("R2", "R3"):
        assert set(scene.glances[region].ids) == {kept}
    ended = {item.resource: item.message for item in scene.items(job_id)}
    assert ended[left] == "This part of the job was cancelled before the item was worked on"
    assert ended[kept] is None


def test_a_region_that_is_cancelled_before_the_plan_is_no_work(scene):
    job_id = scene.job(active(scene))
    assert db.job_actions.cancel_part(scene.get(job_id), Part(["R2"]))
    scene.engine()
    scene.ended(job_id)
    with db.get_engine().connect() as bind:
        assert bind.scalars(sa.select(db.Task.region)).all() == ["R3"]


def test_a_region_that_is_left_alone_can_be_cancelled(scene):
    """Its breaker is open, so that nothing of the job is tried there."""
    engine = scene.engine(start=False)
    job_id = scene.job(active(scene), targets=("R2",))
    claim = db.leases.claim_job("another", 60)
    assert claim is not None
    work = dataclasses.asdict(WriteSpec(record={"id": "i"}, owner=None, data={}))
    with db.plans.PlanWriter(claim) as plan:
        plan.hold([row("i", "R2", work=work)])
        plan.finish({})
    for _ in range(scene.conf.sync.breaker_threshold):
        with engine._breakers.guard("R2") as made:
            made.failed = True
    assert engine._breakers.open_regions() == ["R2"]
    # The run has seen the region fail, and makes no trial.
    engine._breakers._breakers["R2"].runs[job_id, 1] = None
    assert db.job_actions.cancel_part(scene.get(job_id), Part(["R2"]))
    engine.start()
    assert scene.ended(job_id) == "CANCELLED"
    assert counts(scene, job_id)[1] == {"cancelled": 1}


def test_both_name_where_they_meet(scene):
    one, other = active(scene), active(scene)
    job_id = scene.job(one, other)
    assert db.job_actions.cancel_part(scene.get(job_id), Part(["R3"], [one]))
    scene.engine()
    scene.ended(job_id)
    assert set(scene.glances["R2"].ids) == {one, other}
    assert set(scene.glances["R3"].ids) == {other}


def test_a_failure_elsewhere_is_no_cancellation(scene):
    """See that cancelled items count before failed ones, as they do for whole jobs."""
    image = active(scene)
    job_id = scene.job(image)
    scene.glances["R2"].fail("create", unavailable(), times=None)
    assert db.job_actions.cancel_part(scene.get(job_id), Part(["R3"]))
    scene.engine()
    assert scene.ended(job_id) == "CANCELLED"
    assert counts(scene, job_id)[1] == {"region_unavailable": 1, "cancelled": 1}


def test_a_job_has_a_bounded_number_of_cancelled_parts(scene):
    job = scene.get(scene.job(active(scene)))
    for number in range(MAX_PARTS):
        assert db.job_actions.cancel_part(job, Part(resources=[str(number)]))
    assert db.job_actions.cancel_part(job, Part(resources=["0"])), "it is cancelled already"
    with pytest.raises(exception.Conflict):
        db.job_actions.cancel_part(job, Part(resources=["one more"]))


def test_a_retry_of_one_region_leaves_the_others(scene):
    images = [active(scene) for _ in range(3)]
    job_id = scene.job(*images)
    for region in ("R2", "R3"):
        scene.glances[region].fail("create", unavailable(), times=None)
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    for region in ("R2", "R3"):
        scene.glances[region].heal()
    wait_for(lambda: scene.get(job_id).trust_id is None)
    assert retry(scene, job_id, regions=["R3"]) == 3
    assert scene.tidied(job_id) == "FAILURE", "R2 is as it was"
    assert outcomes(scene, job_id) == {("R2", "FAILURE"): 3, ("R3", "SUCCESS"): 3}
    assert retry(scene, job_id, resources=images[:1]) == 1
    assert scene.tidied(job_id) == "FAILURE"
    assert outcomes(scene, job_id)["R2", "SUCCESS"] == 1
    assert retry(scene, job_id, regions=["R3"], resources=images) == 0
    assert retry(scene, job_id) == 2
    assert scene.tidied(job_id) == "SUCCESS"


def test_a_retry_begins_what_was_cancelled_in_part(scene):
    image = active(scene)
    job_id = scene.job(image)
    assert db.job_actions.cancel_part(scene.get(job_id), Part(["R2"]))
    scene.engine()
    assert scene.tidied(job_id) == "CANCELLED"
    assert retry(scene, job_id) == 1
    assert scene.tidied(job_id) == "SUCCESS"
    assert set(scene.glances["R2"].ids) == {image}
