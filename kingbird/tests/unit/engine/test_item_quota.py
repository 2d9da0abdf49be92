"""Refuse jobs with more items than ``[sync] max_items_per_job``."""

import threading

from kingbird.tests.unit.engine.jobs import active, wildcard_job
from kingbird.tests.waiting import PATIENCE, wait_for


def test_a_job_with_too_many_items_is_refused(scene):
    for n in range(4):
        active(scene, name=f"{n}")
    scene.conf.set_override("max_items_per_job", 7, group="sync")
    scene.engine()
    job_id = wildcard_job(scene)
    assert scene.ended(job_id) == "FAILURE"
    assert {(i.resource, i.target_region, i.reason) for i in scene.items(job_id)} == {
        ("*", region, "too_many_items") for region in ("R1", "R2", "R3")
    }
    assert not scene.glances["R2"].ids


def test_all_parts_of_a_plan_count_against_the_bound(scene):
    """Copy between R1 and R2; R3, which is lagging, would need as many records again."""
    for n in range(4):
        active(scene, name=f"{n}")
    scene.conf.set_override("max_items_per_job", 7, group="sync")
    scene.conf.set_override("slow_region_timeout", 0.5, group="sync")
    others_done = threading.Event()

    def wait(query):
        others_done.wait(PATIENCE)

    scene.glances["R3"].fail("list", wait, times=None)
    job_id = wildcard_job(scene)
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
