"""Jobs about namespaces go through the same plans, tasks and ends as those about images."""

import uuid

import pytest

from kingbird.db import api as db
from kingbird.engine import states
from kingbird.resource_keys import key_of
from kingbird.tests.doubles.glance import AFTER, unavailable
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, sync_set
from kingbird.tests.unit.engine.jobs import active, wildcard_job
from kingbird.tests.unit.sync.metadefs.scene import FULL
from kingbird.tests.waiting import wait_for

NAME = "OS::Test"


@pytest.fixture
def scene(scene):
    scene.as_admin = True
    return scene


def make(scene, region, **fields):
    metadefs = scene.glances[region].images_for(PROJECT, is_admin=True).metadefs
    metadefs.create({**FULL, **fields})


def names(scene, region):
    return set(scene.glances[region].metadefs.namespaces)


def job(scene, *named, targets=("R2", "R3"), **options):
    request = [
        sync_set(
            named or ["*"],
            targets=targets,
            resource_type="metadef",
            all_projects=True,
            **options,
        )
    ]
    return accepted_job(trust_id=scene.keystone.trusts.make(), request=request)


def reasons(scene, job_id):
    return {
        (one.resource_name or one.resource, one.target_region): one.reason
        for one in scene.items(job_id)
    }


@pytest.mark.parametrize("named", [(NAME,), ()])
def test_a_job_creates_namespaces_everywhere(scene, named):
    make(scene, "R1")
    job_id = job(scene, *named)
    scene.engine()
    assert scene.tidied(job_id) == "SUCCESS"
    assert names(scene, "R2") == names(scene, "R3") == {NAME}
    assert reasons(scene, job_id) == {(NAME, "R2"): "created", (NAME, "R3"): "created"}
    rows = scene.items(job_id)
    assert {one.resource for one in rows} == {key_of("metadef", NAME)}
    assert {one.resource_type for one in rows} == {"metadef"}
    assert {one.target_resource for one in rows} == {key_of("metadef", NAME)}
    assert all(one.work is None for one in rows)


def test_a_wildcard_job_counts_what_is_in_order(scene):
    for region in ("R1", "R2"):
        make(scene, region)
    job_id = job(scene)
    scene.engine()
    assert scene.tidied(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {(NAME, "R3"): "created"}
    assert scene.get(job_id).in_sync == {"R2": 1}
    assert scene.get(job_id).listed == {"R1": 1, "R2": 1, "R3": 0}


def test_a_wildcard_job_keeps_the_figures_of_images(scene, monkeypatch):
    monkeypatch.setattr(states, "BULK", 1)
    for _ in range(3):
        active(scene)
    make(scene, "R1")
    images = wildcard_job(scene, {"dry_run": True})
    scene.engine()
    assert scene.tidied(images) == "SUCCESS"
    before = db.state_figures.figures(PROJECT)
    assert [before[name].images for name in ("R1", "R2", "R3")] == [3, 3, 3]
    assert before["R2"].bulk == {"missing": 3}
    scene.glances["R3"].fail("GET namespaces", unavailable(), None)
    namespaces = job(scene)
    scene.engines[0].wake()
    scene.tidied(namespaces)
    assert db.state_figures.figures(PROJECT) == before


def test_a_dry_run_writes_nothing_and_is_applied(scene):
    make(scene, "R1")
    make(scene, "R2", description="other")
    dry = job(scene, dry_run=True, on_drift="update")
    scene.engine()
    assert scene.tidied(dry) == "SUCCESS"
    assert reasons(scene, dry) == {(NAME, "R2"): "drift", (NAME, "R3"): "missing"}
    assert {one.status for one in scene.items(dry)} == {"PLANNED"}
    assert names(scene, "R3") == set()
    rows = {one.target_region: one for one in scene.items(dry)}
    assert rows["R2"].differences == {"description": {"source": "A test", "target": "other"}}
    applied = applied_job(scene, dry)
    scene.engines[0].wake()
    assert scene.tidied(applied) == "SUCCESS"
    assert reasons(scene, applied) == {(NAME, "R2"): "updated", (NAME, "R3"): "created"}


def applied_job(scene, dry_run):
    """Store a job that carries out the plan of a dry run, as the API does, and return its id."""
    made = db.jobs.create(
        job_id=str(uuid.uuid4()),
        project_id=PROJECT,
        user_id="u" * 32,
        request=scene.get(dry_run).request,
        is_admin=True,
        request_id=None,
        of=dry_run,
    )
    assert db.jobs.accept(made.id, trust_id=scene.keystone.trusts.make())
    return made.id


def test_what_failed_is_retried(scene):
    make(scene, "R1")
    scene.glances["R2"].fail("POST namespace", unavailable(), None)
    scene.glances["R3"].fail("GET namespaces", unavailable(), None)
    job_id = job(scene)
    scene.engine()
    assert scene.tidied(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {
        (NAME, "R2"): "region_unavailable",
        ("*", "R3"): "region_unavailable",
    }
    for region in ("R2", "R3"):
        scene.glances[region].heal()
    found = scene.get(job_id)
    scene.keystone.trusts.add("again")
    retried = db.job_actions.retry(
        found, user_id="u" * 32, is_admin=True, trust_id="again", request_id="req-2"
    )
    assert retried == 2
    scene.engines[0].wake()
    assert scene.tidied(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {(NAME, "R2"): "created", (NAME, "R3"): "created"}


def test_a_part_that_is_cancelled_is_left_alone(scene):
    make(scene, "R1")
    make(scene, "R1", namespace="other")
    job_id = job(scene, targets=("R2",))
    part = db.job_actions.Part(None, [key_of("metadef", NAME)])
    assert db.job_actions.cancel_part(scene.get(job_id), part)
    scene.engine()
    assert scene.tidied(job_id) == "CANCELLED"
    assert reasons(scene, job_id) == {(NAME, "R2"): "cancelled", ("other", "R2"): "created"}
    assert names(scene, "R2") == {"other"}


def test_a_lost_answer_is_looked_after(scene):
    make(scene, "R1")
    scene.conf.set_override("retry_timeout", 30, group="sync")
    scene.glances["R2"].fail("POST namespace", unavailable(), when=AFTER)
    job_id = job(scene, NAME, targets=("R2",))
    scene.engine()
    assert scene.tidied(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {(NAME, "R2"): "created"}


def test_a_job_without_credentials_tells_it_of_each_name(scene):
    job_id = job(scene, NAME)
    scene.keystone.trusts.clear()
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    wait_for(lambda: scene.items(job_id))
    assert reasons(scene, job_id) == {(NAME, "R2"): "forbidden", (NAME, "R3"): "forbidden"}
    assert {one.resource_type for one in scene.items(job_id)} == {"metadef"}
