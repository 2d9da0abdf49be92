"""The share of a job in a region that is away while the job is planned waits for the region."""

import pytest

from kingbird.db import api as db
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import PROJECT, sync_set
from kingbird.tests.unit.engine.plan_pauses import (
    ALL3,
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
    waiting,
    waits_for,
)
from kingbird.tests.waiting import wait_for


@pytest.fixture(autouse=True)
def patient(scene, monkeypatch):
    let_plans_wait(scene, monkeypatch)


@pytest.mark.parametrize("kind", ["named", "wildcard", "both", "any-to-any"])
def test_a_target_that_is_away_costs_no_item(scene, kind):
    images = [make(scene) for _ in range(3)]
    sets = {
        "named": [sync_set(images, targets=("R2", "R3"))],
        "wildcard": [sync_set(("*",), targets=("R2", "R3"))],
        "both": [sync_set(images[:1], targets=("R2",)), sync_set(("*",), targets=("R2", "R3"))],
        "any-to-any": [everywhere()],
    }[kind]
    job_id = waiting(scene, "R2", *sets)
    assert listed_as_waiting(scene, job_id) == {"R2"}
    expected = {(image, "R3"): "created" for image in images}
    assert reasons(scene, job_id) == expected
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == expected | {(image, "R2"): "created" for image in images}
    assert scene.get(job_id).away is None
    assert waits_for(scene, job_id) == listed_as_waiting(scene, job_id) == set()


@pytest.mark.parametrize("resource", ["named", "wildcard"])
def test_a_source_that_is_away_costs_no_item(scene, resource):
    here, there = make(scene), make(scene, "R2")
    resources = (here, there) if resource == "named" else ("*",)
    job_id = waiting(scene, "R2", sync_set(resources, sources=("R1", "R2"), targets=("R3",)))
    assert reasons(scene, job_id) == {(here, "R3"): "created"}
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == {(here, "R3"): "created", (there, "R3"): "created"}


@pytest.mark.parametrize("resource", ["named", "wildcard"])
def test_a_job_between_two_regions_waits_as_a_whole(scene, resource):
    image = make(scene)
    job_id = waiting(
        scene, "R2", sync_set((image if resource == "named" else "*",), targets=("R2",))
    )
    assert scene.items(job_id) == []
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == {(image, "R2"): "created"}


def test_no_copy_is_set_back_while_a_better_source_is_away(scene):
    image = make(scene, tags=["new"])
    for region in ("R2", "R3"):
        make(scene, region, id=image, tags=["old"])
    other = make(scene, "R2")
    leave(scene, "R1")
    job_id = job(
        scene, sync_set(("*",), sources=("R1", "R2"), targets=("R2", "R3"), on_drift="update")
    )
    scene.engine()
    paused(scene, job_id, "R1")
    assert reasons(scene, job_id) == {(other, "R3"): "created"}
    end_after_heal(scene, job_id, "R1")
    assert {scene.glances[name].peek(image)["tags"][0] for name in ALL3} == {"new"}


def test_regions_that_come_back_one_by_one_are_not_delayed(scene):
    images = {region: make(scene, region) for region in ALL3}
    same = make(scene)
    for region in ("R2", "R3"):
        make(scene, region, id=same)
    leave(scene, "R2", "R3")
    job_id = job(scene, everywhere())
    scene.engine()
    paused(scene, job_id, "R2", "R3")
    assert reasons(scene, job_id) == {}
    scene.glances["R2"].heal()
    paused(scene, job_id, "R3")
    assert reasons(scene, job_id) == {
        (images["R1"], "R2"): "created",
        (images["R2"], "R1"): "created",
    }
    end_after_heal(scene, job_id, "R3")
    assert reasons(scene, job_id) == {
        (image, target): "created"
        for home, image in images.items()
        for target in ALL3
        if target != home
    }
    # An image is in sync where it comes from.
    assert scene.get(job_id).in_sync == {"R1": 2, "R2": 2, "R3": 2}
    assert numbers(scene, job_id).outcomes == {"created": 6, "in_sync": 6}


@pytest.mark.parametrize("first", "0f")
def test_a_region_that_goes_away_in_its_list_is_counted_once(scene, first):
    """It goes away while it is listed, or when it is asked for the image that it seems to lack."""
    for glance in scene.glances.values():
        glance.page_size = 2
    same = [make(scene) for _ in range(8)]
    for region in ("R2", "R3"):
        for image in same:
            make(scene, region, id=image)
    missing = make(scene, id=f"{first}0000000-0000-4000-8000-000000000000")
    pages = []

    def second_page(query):
        pages.append(query)
        if len(pages) > 3:
            leave(scene, "R2")

    scene.glances["R2"].before_page = second_page
    job_id = job(scene, everywhere())
    scene.engine()
    wait_for(lambda: waits_for(scene, job_id) == {"R2"})
    scene.glances["R2"].before_page = None
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == {(missing, "R2"): "created", (missing, "R3"): "created"}
    assert scene.get(job_id).in_sync["R2"] == 8
    assert scene.get(job_id).in_sync["R3"] == 8
    figures = db.state_figures.figures(PROJECT)
    assert (figures["R2"].images, figures["R2"].away_since) == (9, None)


def test_the_figures_of_a_region_stay_while_its_comparison_waits(scene):
    for region in ALL3:
        make(scene, region, id="5e9e3f1e-7c60-4b6b-b0b7-3a2a8f2d1c00")
    scene.engine()
    assert scene.ended(job(scene, everywhere())) == "SUCCESS"
    before = db.state_figures.figures(PROJECT)["R2"]
    assert (before.images, before.away_since) == (1, None)
    leave(scene, "R2")
    job_id = job(scene, everywhere())
    paused(scene, job_id, "R2")
    found = db.state_figures.figures(PROJECT)["R2"]
    assert (found.images, found.compared_at) == (1, before.compared_at)
    assert found.away_since is not None
    end_after_heal(scene, job_id, "R2")
    after = db.state_figures.figures(PROJECT)["R2"]
    assert (after.images, after.away_since) == (1, None)
    assert after.compared_at > before.compared_at


@pytest.mark.parametrize("resource", ["named", "wildcard"])
def test_a_region_that_stays_away_fails_after_some_time(scene, resource):
    image = make(scene)
    leave(scene, "R2")
    about = image if resource == "named" else "*"
    job_id = job(scene, sync_set((about,), targets=("R2", "R3")))
    scene.engine()
    paused(scene, job_id, "R2")
    set_away(1801)
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {
        (image, "R3"): "created",
        (about, "R2"): "region_unavailable",
    }
    assert scene.get(job_id).away is None


@pytest.mark.parametrize("resource", ["named", "wildcard"])
def test_a_cancelled_job_does_not_wait(scene, resource):
    scene.conf.set_override("breaker_reset_timeout", 3600, group="sync")
    image = make(scene)
    leave(scene, "R2")
    about = image if resource == "named" else "*"
    job_id = job(scene, sync_set((about,), targets=("R2", "R3")))
    engine = scene.engine()
    paused(scene, job_id, "R2")
    db.job_actions.cancel(scene.get(job_id))
    engine.cancel(job_id)
    assert scene.ended(job_id) == "CANCELLED"
    assert reasons(scene, job_id) == {(image, "R3"): "created", (about, "R2"): "cancelled"}


def test_a_share_that_is_cancelled_is_not_waited_for(scene):
    image = make(scene)
    job_id = waiting(scene, "R2", sync_set((image,), targets=("R2", "R3")))
    db.job_actions.cancel_part(scene.get(job_id), db.job_actions.Part(regions=["R2"]))
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id)[image, "R2"] == "region_unavailable"


def test_a_job_whose_trust_ends_does_not_wait(scene):
    image = make(scene)
    job_id = waiting(scene, "R2", sync_set((image,), targets=("R2", "R3")))
    scene.keystone.trusts.clear()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {(image, "R3"): "created", (image, "R2"): "forbidden"}


def test_a_dry_run_does_not_wait(scene):
    image = make(scene)
    leave(scene, "R2")
    job_id = job(scene, sync_set((image,), targets=("R2", "R3"), dry_run=True))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {
        (image, "R2"): "region_unavailable",
        (image, "R3"): "missing",
    }


def test_the_time_goes_on_when_an_engine_stops(scene):
    image = make(scene)
    leave(scene, "R2")
    job_id = job(scene, sync_set((image,), targets=("R2", "R3")))
    first = scene.engine()
    paused(scene, job_id, "R2")
    since = scene.get(job_id).away
    first.stop()
    generation = scene.get(job_id).generation
    scene.engine()
    wait_for(lambda: scene.get(job_id).generation > generation + 1)
    paused(scene, job_id, "R2")
    assert scene.get(job_id).away == since
    # While an engine looks, its attempt counts.
    wait_for(lambda: scene.get(job_id).attempts == 0)
    end_after_heal(scene, job_id, "R2")


def test_what_waits_is_not_compared_again_and_again(scene):
    make(scene)
    job_id = waiting(scene, "R2", everywhere())
    generation, parts = scene.get(job_id).generation, scene.get(job_id).plan_parts
    lists = scene.glances["R1"].count()["list"]
    wait_for(lambda: scene.get(job_id).generation > generation + 2)
    assert scene.glances["R1"].count()["list"] == lists
    assert scene.get(job_id).plan_parts == parts == 1


def test_a_region_that_fails_for_a_list_alone_is_not_waited_for(scene):
    image = make(scene)
    scene.glances["R2"].fail("list", unavailable(500), times=None)
    job_id = job(scene, sync_set((image,), targets=("R2", "R3")))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {
        (image, "R3"): "created",
        (image, "R2"): "region_unavailable",
    }


def test_a_new_job_asks_once_though_the_breaker_is_open(scene):
    scene.conf.set_override("breaker_reset_timeout", 3600, group="sync")
    scene.conf.set_override("breaker_threshold", 1, group="sync")
    image = make(scene)
    leave(scene, "R2")
    first = job(scene, sync_set((image,), targets=("R2", "R3")))
    engine = scene.engine()
    paused(scene, first, "R2")
    assert engine.describe()["regions left alone"] == ["R2"]
    scene.glances["R2"].calls.clear()
    second = job(scene, sync_set((image,), targets=("R2", "R3")))
    paused(scene, second, "R2")
    assert scene.glances["R2"].count().total() == 1
    scene.glances["R2"].heal()
    third = job(scene, sync_set((image,), targets=("R2", "R3")))
    assert scene.ended(third) == "SUCCESS"


def test_no_patience_at_all(scene):
    scene.conf.set_override("region_patience", 0, group="sync")
    image = make(scene)
    leave(scene, "R2")
    job_id = job(scene, sync_set((image,), targets=("R2", "R3")))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id)[image, "R2"] == "region_unavailable"
