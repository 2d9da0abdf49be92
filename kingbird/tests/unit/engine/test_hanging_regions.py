"""A region that accepts calls and never answers: the others are written to meanwhile."""

import threading

import pytest

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import accepted_job, sync_set
from kingbird.tests.unit.engine.jobs import active, retry
from kingbird.tests.waiting import PATIENCE, wait_for

ALL3 = ("R1", "R2", "R3")


@pytest.fixture
def gate(scene):
    """Give the event that lets regions answer again."""
    scene.conf.set_override("slow_region_timeout", 0.5, group="sync")
    made = threading.Event()
    yield made
    made.set()


def hang(scene, gate, *regions, method="list"):
    for region in regions:
        scene.glances[region].fail(method, lambda detail: gate.wait(PATIENCE) and None, times=None)


def job_for(scene, *sets):
    return accepted_job(trust_id=scene.keystone.trusts.make(), request=list(sets))


#: The sets of a job for an image of R1, by what R3 is in them.
JOBS = {
    "ids, target": lambda image: [sync_set([image], targets=("R2", "R3"))],
    "ids, source": lambda image: [sync_set([image], sources=("R3", "R1"))],
    "ids, both": lambda image: [sync_set([image], sources=ALL3, targets=ALL3)],
    "wildcard, target": lambda image: [sync_set(["*"], targets=("R2", "R3"))],
    "wildcard, both": lambda image: [sync_set(["*"], sources=ALL3, targets=ALL3)],
    "ids and wildcard": lambda image: [
        sync_set([image], targets=("R2", "R3")),
        sync_set(["*"], sources=ALL3, targets=ALL3),
    ],
}


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("kind", JOBS)
def test_the_others_do_not_wait(scene, gate, kind, dry_run):
    image = active(scene)
    hang(scene, gate, "R3")
    sets = [{**one, "dry_run": dry_run} for one in JOBS[kind](image)]
    job_id = job_for(scene, *sets)
    scene.engine()

    def outcome():
        found = [item for item in scene.items(job_id) if item.target_region == "R2"]
        return found and found[0].reason

    wait_for(lambda: outcome() == ("missing" if dry_run else "created"))
    assert not gate.is_set()
    gate.set()
    assert scene.ended(job_id) == "SUCCESS"
    targets = {target for one in sets for target in one["targets"]} - {"R1"}
    assert {glance.region for glance in scene.glances.values() if image in glance.ids} == (
        {"R1"} if dry_run else {"R1", *targets}
    )


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_source_that_hangs_is_not_asked_what_a_filter_leaves_out(scene, gate, dry_run):
    other = active(scene, name="other")
    stated = job_for(scene, sync_set(["*"], targets=("R3",), dry_run=True))
    engine = scene.engine()
    scene.ended(stated)
    image = active(scene, name="one")
    hang(scene, gate, "R2")
    filters = {"name": "one"}
    job_id = job_for(
        scene,
        sync_set(["*"], ("R1", "R2"), ("R3",), preferred=[], filters=filters, dry_run=dry_run),
    )
    engine.wake()
    wait_for(lambda: [item.resource for item in scene.items(job_id)] == [image])
    assert not gate.is_set()
    gate.set()
    assert scene.ended(job_id) == "SUCCESS"
    assert other not in scene.glances["R3"].ids


@pytest.mark.parametrize("resource", ["image", "*"])
@pytest.mark.parametrize("method", ["list", "members"])
def test_a_job_that_waits_for_a_region_can_be_cancelled(scene, gate, resource, method):
    image = active(scene, visibility="shared")
    hang(scene, gate, "R1", method=method)
    job_id = job_for(scene, sync_set([image if resource == "image" else "*"]))
    engine = scene.engine()
    wait_for(lambda: scene.glances["R1"].count()[method])
    assert db.job_actions.cancel(scene.get(job_id))
    engine.cancel(job_id)
    assert scene.ended(job_id) == "CANCELLED"
    assert not gate.is_set()


@pytest.mark.parametrize("kind", JOBS)
def test_what_a_hanging_region_has_left_over_can_be_tried_again(scene, gate, kind):
    """The job is cancelled while its first part is done, and the second one waits."""
    image = active(scene)
    there = [active(scene, "R3", name="there")] if kind == "ids, source" else []
    hang(scene, gate, "R3")
    sets = JOBS[kind](image)
    for one in sets:
        if one["resources"] != ["*"]:
            one["resources"] += there
    job_id = job_for(scene, *sets)
    engine = scene.engine()
    wait_for(lambda: image in scene.glances["R2"].ids)
    if scene.get(job_id).status == "IN_PROGRESS":
        assert db.job_actions.cancel(scene.get(job_id))
        engine.cancel(job_id)
        assert scene.ended(job_id) == "CANCELLED"
    cancelled = {i.resource for i in scene.items(job_id) if i.status == "CANCELLED"}
    assert cancelled == set(there) or image in cancelled or "*" in cancelled
    gate.set()
    scene.glances["R3"].heal()
    retry(scene, job_id)
    assert scene.ended(job_id) == "SUCCESS"
    for one in sets:
        for target in one["targets"]:
            assert {image, *there} <= scene.glances[target].ids


def test_a_plan_ends_with_its_lease_between_two_pages(scene, gate):
    """Another engine has the job by then."""
    for n in range(3):
        active(scene, name=f"{n}")
    scene.glances["R1"].page_size = 1
    hang(scene, gate, "R1")
    job_id = job_for(scene, sync_set(["*"]))
    engine = scene.engine()
    wait_for(lambda: scene.glances["R1"].count()["list"])
    (held,) = engine._leases._held
    held._lost = True
    wait_for(lambda: not engine.describe()["works on"])
    assert not gate.is_set()
    db.leases.release(held.claim)
    gate.set()
    assert scene.ended(job_id) == "SUCCESS"
