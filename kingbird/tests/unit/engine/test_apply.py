"""A job that carries out a dry run writes what was previewed, and nothing that has changed."""

import uuid

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.engine import planner
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, sync_set
from kingbird.tests.unit.engine.jobs import active, counts
from kingbird.tests.waiting import wait_for

NAMED = "named"
WILDCARD = "wildcard"
KINDS = pytest.mark.parametrize("kind", [NAMED, WILDCARD])


def dry_run(scene, kind, *images, **options):
    """Store a dry run, and return its id when it has ended."""
    trust_id = scene.keystone.trusts.make("dry")
    resources = images if kind == NAMED else ["*"]
    request = [sync_set(resources, ["R1"], ["R2", "R3"], dry_run=True, **options)]
    job_id = accepted_job(trust_id=trust_id, request=request)
    scene.tidied(job_id)
    return job_id


def apply(scene, of, *, trust_id="apply"):
    """Store a job as the API does, and return its id."""
    trust_id = scene.keystone.trusts.make(trust_id)
    job_id = str(uuid.uuid4())
    db.jobs.create(
        job_id=job_id,
        project_id=PROJECT,
        user_id="u" * 32,
        request=scene.get(of).request,
        is_admin=False,
        request_id=None,
        of=of,
    )
    assert db.jobs.accept(job_id, trust_id=trust_id)
    return job_id


def shown(scene, job_id):
    """Return image, region and reason of each item."""
    return {(item.resource, item.target_region): item.reason for item in scene.items(job_id)}


def client(scene, region):
    return scene.glances[region].images_for(PROJECT)


def change(scene, region, image_id, name):
    client(scene, region).update(image_id, [{"op": "add", "path": "/name", "value": name}])


@KINDS
def test_what_was_previewed_is_written(scene, kind):
    images = [active(scene, name=f"image {number}") for number in range(3)]
    scene.engine()
    of = dry_run(scene, kind, *images)
    assert counts(scene, of)[0] == {"PLANNED": 6}
    assert not scene.glances["R2"].ids
    job_id = apply(scene, of)
    assert scene.tidied(job_id) == "SUCCESS"
    assert shown(scene, job_id) == {(one, at): "created" for one in images for at in ("R2", "R3")}
    assert {item.resource_name for item in scene.items(job_id)} == {
        "image 0",
        "image 1",
        "image 2",
    }
    assert not scene.get(job_id).is_dry
    assert scene.get(of).is_dry


@KINDS
def test_what_has_changed_since_is_left_alone(scene, kind):
    same, source_changed, copied, gone = (active(scene, name="old") for _ in range(4))
    scene.engine()
    of = dry_run(scene, kind, same, source_changed, copied, gone)
    change(scene, "R1", source_changed, "new")
    other = scene.job(copied, targets=("R2",))
    assert scene.tidied(other) == "SUCCESS"
    scene.glances["R1"].delete(gone)
    late = active(scene, name="late")
    job_id = apply(scene, of)
    assert scene.tidied(job_id) == "FAILURE"
    outdated = dict.fromkeys(
        [(one, at) for one in (source_changed, gone) for at in ("R2", "R3")] + [(copied, "R2")],
        "plan_outdated",
    )
    assert shown(scene, job_id) == {
        **outdated,
        (same, "R2"): "created",
        (same, "R3"): "created",
        (copied, "R3"): "created",
    }
    assert set(scene.glances["R2"].ids) == {same, copied}
    assert late not in scene.glances["R3"].ids, "nobody has seen it in the dry run"
    messages = {item.message for item in scene.items(job_id) if item.reason == "plan_outdated"}
    assert all(each and "dry run" in each.lower() for each in messages)


@KINDS
def test_an_update_is_the_one_that_was_shown(scene, kind):
    first, second = active(scene, name="old"), active(scene, name="old")
    scene.engine()
    assert scene.tidied(scene.job(first, second)) == "SUCCESS"
    change(scene, "R1", first, "new")
    change(scene, "R1", second, "new")
    of = dry_run(scene, kind, first, second, on_drift="update")
    client(scene, "R2").update(second, [{"op": "add", "path": "/min_ram", "value": 7}])
    job_id = apply(scene, of)
    assert scene.tidied(job_id) == "FAILURE"
    assert shown(scene, job_id) == {
        (first, "R2"): "updated",
        (first, "R3"): "updated",
        (second, "R2"): "plan_outdated",
        (second, "R3"): "updated",
    }
    untouched = client(scene, "R2").get(second)
    assert (untouched["name"], untouched["min_ram"]) == ("old", 7)


def test_a_large_plan_is_applied_in_batches(scene, monkeypatch):
    monkeypatch.setattr(planner, "SMALL_JOB", 10)
    monkeypatch.setattr(db.previews.connection, "BATCH", 7)
    images = [active(scene) for _ in range(40)]
    scene.engine()
    of = dry_run(scene, WILDCARD)
    for image in images[:15]:
        scene.glances["R1"].delete(image)
    job_id = apply(scene, of)
    scene.tidied(job_id)
    assert counts(scene, job_id)[1] == {"created": 50, "plan_outdated": 30}


def test_a_region_that_is_away_is_tried_again_by_a_retry(scene):
    image, other = active(scene), active(scene)
    scene.engine()
    of = dry_run(scene, WILDCARD)
    scene.glances["R2"].fail("list", unavailable(), times=None)
    job_id = apply(scene, of)
    assert scene.tidied(job_id) == "FAILURE"
    assert shown(scene, job_id) == {
        ("*", "R2"): "region_unavailable",
        (image, "R3"): "created",
        (other, "R3"): "created",
    }
    scene.glances["R2"].heal()
    change(scene, "R1", other, "new")
    scene.keystone.trusts.add("again")
    about = {"user_id": "u", "is_admin": False, "trust_id": "again", "request_id": "r"}

    def retried():
        # The circuit breaker may spare the region for a moment.
        return db.job_actions.retry(scene.get(job_id), **about)

    wait_for(retried)
    assert scene.tidied(job_id) == "FAILURE"
    assert shown(scene, job_id)[image, "R2"] == "created"
    assert shown(scene, job_id)[other, "R2"] == "plan_outdated"
    assert set(scene.glances["R2"].ids) == {image}


def test_a_dry_run_that_was_deleted_gives_no_plan(scene):
    image = active(scene)
    engine = scene.engine()
    of = dry_run(scene, NAMED, image)
    engine.stop()
    job_id = apply(scene, of)
    assert db.jobs.delete(PROJECT, of)
    scene.engine()
    assert scene.tidied(job_id) == "FAILURE"
    assert shown(scene, job_id) == dict.fromkeys([(image, "R2"), (image, "R3")], "plan_outdated")
    assert not scene.glances["R2"].ids


def test_an_engine_of_an_earlier_release_writes_nothing(scene):
    """It knows of no plans, and takes the job for another dry run."""
    image = active(scene)
    engine = scene.engine()
    of = dry_run(scene, NAMED, image)
    engine.stop()
    job_id = apply(scene, of)
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).where(db.Job.id == job_id).values(of_id=None))
    scene.engine()
    assert scene.tidied(job_id) == "SUCCESS"
    assert not scene.glances["R2"].ids
