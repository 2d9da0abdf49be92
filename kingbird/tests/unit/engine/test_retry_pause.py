"""The items of a retry in a region that is away wait for the region."""

import threading

import pytest

from kingbird.db import api as db
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import sync_set
from kingbird.tests.unit.engine.plan_pauses import (
    ALL3,
    again,
    end_after_heal,
    everywhere,
    job,
    leave,
    let_plans_wait,
    listed_as_waiting,
    make,
    numbers,
    paused,
    reasons,
    set_away,
    waits_for,
)
from kingbird.tests.waiting import PATIENCE, wait_for


@pytest.fixture(autouse=True)
def patient(scene, monkeypatch):
    let_plans_wait(scene, monkeypatch)


@pytest.fixture(params=["named", "wildcard"])
def waiting_retry(scene, request):
    """Return the id of an image, what its job names, and the job, whose retry waits for R2."""
    image = make(scene)
    about = image if request.param == "named" else "*"
    job_id = failed(scene, sync_set((about,), targets=("R2", "R3")), away=("R2", "R3"))
    scene.glances["R3"].heal()
    again(scene, job_id)
    paused(scene, job_id, "R2")
    return image, about, job_id


@pytest.mark.parametrize("resource", ["named", "wildcard"])
def test_a_retry_of_a_region_that_is_away_still_waits(scene, resource):
    image = make(scene)
    leave(scene, "R2")
    about = image if resource == "named" else "*"
    job_id = job(scene, sync_set((about,), targets=("R2", "R3")))
    engine = scene.engine()
    paused(scene, job_id, "R2")
    db.job_actions.cancel(scene.get(job_id))
    engine.cancel(job_id)
    assert scene.tidied(job_id) == "CANCELLED"
    again(scene, job_id)
    paused(scene, job_id, "R2")
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == {(image, "R2"): "created", (image, "R3"): "created"}


def test_a_retry_that_has_waited_for_too_long_fails(scene):
    image = make(scene)
    leave(scene, "R2")
    job_id = job(scene, sync_set((image,), targets=("R2",)))
    scene.engine()
    for _ in range(2):
        paused(scene, job_id, "R2")
        set_away(1801)
        assert scene.tidied(job_id) == "FAILURE"
        assert reasons(scene, job_id) == {(image, "R2"): "region_unavailable"}
        again(scene, job_id)


def failed(scene, *sets, away, regions=None):
    """Return a job that failed for regions that are still away."""
    leave(scene, *away)
    job_id = job(scene, *sets)
    if not scene.engines:
        scene.engine()
    paused(scene, job_id, *(regions or away))
    set_away(1801)
    assert scene.tidied(job_id) == "FAILURE"
    return job_id


def waiting_items(scene, job_id):
    """Return the items that have no plan yet."""
    rows = scene.items(job_id)
    return {(one.resource, one.target_region) for one in rows if one.action == "retry"}


@pytest.mark.parametrize("kind", ["named", "wildcard", "both", "any-to-any"])
def test_a_retry_of_several_regions_holds_none_up(scene, kind):
    images = [make(scene) for _ in range(3)]
    two = {"targets": ("R2", "R3")}
    sets = {
        "named": [sync_set(images, **two)],
        "wildcard": [sync_set(("*",), **two)],
        "both": [sync_set(images[:1], **two), sync_set(("*",), **two)],
        "any-to-any": [everywhere()],
    }[kind]
    job_id = failed(scene, *sets, away=("R2", "R3"))
    scene.glances["R3"].heal()
    again(scene, job_id)
    paused(scene, job_id, "R2")
    assert listed_as_waiting(scene, job_id) == {"R2"}
    expected = {(image, "R3"): "created" for image in images}
    found = reasons(scene, job_id)
    assert {pair: reason for pair, reason in found.items() if reason} == expected
    assert {region for _, region in waiting_items(scene, job_id)} >= {"R2"}
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == expected | {(image, "R2"): "created" for image in images}
    assert numbers(scene, job_id).outcomes["created"] == 6
    assert scene.get(job_id).away is None


def test_a_region_that_a_retry_has_compared_is_not_compared_again(scene):
    images = [make(scene), make(scene)]
    make(scene, "R3", id=images[0])
    job_id = failed(scene, sync_set(("*",), targets=("R2", "R3")), away=("R2", "R3"))
    scene.glances["R3"].heal()
    again(scene, job_id)
    paused(scene, job_id, "R2")
    assert waiting_items(scene, job_id) == {("*", "R2")}
    assert scene.get(job_id).in_sync == {"R3": 1}
    leave(scene, "R3")
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == {
        (images[1], "R3"): "created",
        (images[0], "R2"): "created",
        (images[1], "R2"): "created",
    }
    assert scene.get(job_id).in_sync == {"R3": 1}


def test_an_item_of_a_retry_waits_for_its_source(scene):
    here, there = make(scene), make(scene, "R2")
    both = sync_set((here, there), sources=("R1", "R2"), targets=("R3",))
    job_id = failed(scene, both, away=("R1", "R2", "R3"))
    for region in ("R1", "R3"):
        scene.glances[region].heal()
    again(scene, job_id)
    paused(scene, job_id, "R2")
    # The task of R3 has ended, and left alone what has no plan.
    assert reasons(scene, job_id) == {(here, "R3"): "created", (there, "R3"): None}
    assert waiting_items(scene, job_id) == {(there, "R3")}
    generation, lists = scene.get(job_id).generation, scene.glances["R1"].count()["list"]
    wait_for(lambda: scene.get(job_id).generation > generation + 2)
    assert scene.glances["R1"].count()["list"] == lists, "nothing is looked for meanwhile"
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == {(here, "R3"): "created", (there, "R3"): "created"}


def test_a_wildcard_waits_for_copies_while_a_better_source_is_away(scene):
    image = make(scene, tags=["new"])
    for region in ("R2", "R3"):
        make(scene, region, id=image, tags=["old"])
    other = make(scene, "R2")
    wild = sync_set(("*",), sources=("R1", "R2"), targets=("R2", "R3"), on_drift="update")
    job_id = failed(scene, wild, away=ALL3)
    for region in ("R2", "R3"):
        scene.glances[region].heal()
    again(scene, job_id)
    paused(scene, job_id, "R1")
    assert {pair: one for pair, one in reasons(scene, job_id).items() if one} == {
        (other, "R3"): "created"
    }
    end_after_heal(scene, job_id, "R1")
    assert {scene.glances[name].peek(image)["tags"][0] for name in ALL3} == {"new"}
    assert reasons(scene, job_id) == {
        (other, "R3"): "created",
        (image, "R2"): "updated",
        (image, "R3"): "updated",
    }


def test_regions_of_a_retry_come_back_one_by_one(scene):
    image = make(scene)
    job_id = failed(scene, sync_set((image,), targets=("R2", "R3")), away=("R2", "R3"))
    again(scene, job_id)
    paused(scene, job_id, "R2", "R3")
    scene.glances["R3"].heal()
    paused(scene, job_id, "R2")
    assert reasons(scene, job_id) == {(image, "R2"): None, (image, "R3"): "created"}
    generation = scene.get(job_id).generation
    lists = scene.glances["R1"].count()["list"]
    wait_for(lambda: scene.get(job_id).generation > generation + 2)
    assert scene.glances["R1"].count()["list"] == lists, "nothing is looked for meanwhile"
    end_after_heal(scene, job_id, "R2")


def test_a_region_that_goes_away_while_a_retry_is_planned_is_waited_for(scene):
    image = make(scene)
    job_id = failed(scene, sync_set((image,), targets=("R2", "R3")), away=("R2", "R3"))
    scene.glances["R3"].heal()
    scene.glances["R2"].heal()
    gone = []

    def goes_away(detail):
        # The look at it, before the plan, is answered.
        gone.append(detail)
        return unavailable() if len(gone) > 1 else None

    scene.glances["R2"].fail("*", goes_away, times=None)
    again(scene, job_id)
    paused(scene, job_id, "R2")
    assert reasons(scene, job_id) == {(image, "R2"): None, (image, "R3"): "created"}
    end_after_heal(scene, job_id, "R2")


def test_a_region_of_a_retry_that_stays_away_fails_after_some_time(scene, waiting_retry):
    image, about, job_id = waiting_retry
    set_away(1801)
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {
        (image, "R3"): "created",
        (about, "R2"): "region_unavailable",
    }
    assert numbers(scene, job_id).statuses == {"SUCCESS": 1, "FAILURE": 1}


def test_a_retry_that_is_cancelled_does_not_wait(scene, waiting_retry):
    image, about, job_id = waiting_retry
    scene.conf.set_override("breaker_reset_timeout", 3600, group="sync")
    db.job_actions.cancel(scene.get(job_id))
    scene.engines[0].cancel(job_id)
    assert scene.tidied(job_id) == "CANCELLED"
    assert reasons(scene, job_id) == {(image, "R3"): "created", (about, "R2"): "cancelled"}


def test_a_retry_whose_trust_ends_fails_though_a_task_is_open(scene):
    """Otherwise no task would end the items that wait for their plan."""
    images = [make(scene), make(scene)]
    sets = [sync_set(images, targets=("R2", "R3"))]
    job_id = failed(scene, *sets, away=("R2", "R3"))
    go_on = threading.Event()

    def hold(detail):
        assert go_on.wait(PATIENCE)
        return unavailable()

    scene.glances["R3"].heal()
    scene.glances["R3"].fail("create", hold, times=None)
    again(scene, job_id)
    wait_for(lambda: scene.get(job_id).tasks_open == 2 and waits_for(scene, job_id) >= {"R2"})
    scene.keystone.trusts.clear()
    wait_for(lambda: scene.get(job_id).tasks_open == 1)
    go_on.set()
    assert scene.tidied(job_id) == "FAILURE"
    found = reasons(scene, job_id)
    assert {found[image, "R2"] for image in images} == {"forbidden"}
    assert None not in found.values()
    assert numbers(scene, job_id).statuses == {"FAILURE": 4}


def test_a_retry_of_a_dry_run_does_not_wait(scene):
    image = make(scene)
    leave(scene, "R2")
    job_id = job(scene, sync_set((image,), targets=("R2", "R3"), dry_run=True))
    scene.engine()
    assert scene.tidied(job_id) == "FAILURE"
    again(scene, job_id)
    assert scene.tidied(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {
        (image, "R2"): "region_unavailable",
        (image, "R3"): "missing",
    }


def test_the_items_that_waited_count_once_for_the_size_of_a_job(scene):
    images = [make(scene) for _ in range(3)]
    scene.conf.set_override("max_items_per_job", 6, group="sync")
    job_id = failed(scene, sync_set(images, targets=("R2", "R3")), away=("R2", "R3"))
    scene.glances["R3"].heal()
    again(scene, job_id)
    paused(scene, job_id, "R2")
    end_after_heal(scene, job_id, "R2")


def test_a_second_retry_is_like_the_first(scene, waiting_retry):
    image, _, job_id = waiting_retry
    set_away(1801)
    assert scene.tidied(job_id) == "FAILURE"
    scene.glances["R2"].heal()
    again(scene, job_id)
    assert scene.tidied(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {(image, "R2"): "created", (image, "R3"): "created"}
