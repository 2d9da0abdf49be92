"""The share of a job about namespaces in a region that is away waits for the region."""

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.resource_keys import key_of
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import PROJECT, sync_set
from kingbird.tests.unit.engine.plan_pauses import (
    ALL3,
    again,
    end_after_heal,
    job,
    leave,
    let_plans_wait,
    listed_as_waiting,
    paused,
    reasons,
    set_away,
    waiting,
    waits_for,
)
from kingbird.tests.unit.sync.metadefs.scene import FULL
from kingbird.tests.waiting import wait_for

NAME = "OS::Test"
KEY = key_of("metadef", NAME)


@pytest.fixture(autouse=True)
def patient(scene, monkeypatch):
    scene.as_admin = True
    let_plans_wait(scene, monkeypatch)


def make(scene, *regions, name=NAME, **fields):
    for region in regions:
        glance = scene.glances[region]
        metadefs = glance.images_for(PROJECT, is_admin=True).metadefs
        metadefs.create({**FULL, "namespace": name, **fields})
        # It is older than any copy that a job makes.
        glance.metadefs.namespaces[name]["created_at"] = "2015-01-01T00:00:00Z"
    return key_of("metadef", name)


def about(*names, sources=("R1",), targets=("R2", "R3"), **options):
    options = {"resource_type": "metadef", "all_projects": True, **options}
    return sync_set(names or ("*",), sources, targets, **options)


def everywhere(**options):
    return about(sources=ALL3, targets=ALL3, preferred=[], **options)


def tags(scene, region, name=NAME):
    return [one["name"] for one in scene.glances[region].metadefs.namespaces[name]["tags"]]


def figures():
    with db.get_engine().connect() as bind:
        rows = bind.execute(sa.select(db.MetadefRegion.__table__)).mappings()
        return {row["region"]: (row["namespaces"], row["away_since"] is not None) for row in rows}


def states():
    with db.get_engine().connect() as bind:
        rows = bind.execute(sa.select(db.MetadefState.__table__)).mappings()
        return {(row["name"], row["region"]): row["state"] for row in rows}


@pytest.mark.parametrize("kind", ["named", "wildcard", "both", "any-to-any"])
def test_a_target_that_is_away_costs_no_item(scene, kind):
    keys = [make(scene, "R1", name=name) for name in "ab"]
    sets = {
        "named": [about("a", "b")],
        "wildcard": [about()],
        "both": [about("a", targets=("R2",)), about()],
        "any-to-any": [everywhere()],
    }[kind]
    job_id = waiting(scene, "R2", *sets)
    assert listed_as_waiting(scene, job_id) == {"R2"}
    expected = {(key, "R3"): "created" for key in keys}
    assert reasons(scene, job_id) == expected
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == expected | {(key, "R2"): "created" for key in keys}
    assert scene.get(job_id).in_sync == {}
    assert scene.get(job_id).away is None
    assert waits_for(scene, job_id) == listed_as_waiting(scene, job_id) == set()


@pytest.mark.parametrize("names", [("here", "there"), ()])
def test_a_source_that_is_away_costs_no_item(scene, names):
    here, there = make(scene, "R1", name="here"), make(scene, "R2", name="there")
    job_id = waiting(scene, "R2", about(*names, sources=("R1", "R2"), targets=("R3",)))
    assert reasons(scene, job_id) == {(here, "R3"): "created"}
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == {(here, "R3"): "created", (there, "R3"): "created"}


@pytest.mark.parametrize("names", [(NAME,), ()])
def test_a_job_between_two_regions_waits_as_a_whole(scene, names):
    make(scene, "R1")
    job_id = waiting(scene, "R2", about(*names, targets=("R2",)))
    assert scene.items(job_id) == []
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == {(KEY, "R2"): "created"}


def test_a_named_namespace_waits_for_no_source_that_it_does_not_need(scene):
    make(scene, "R1")
    leave(scene, "R2")
    job_id = job(scene, about(NAME, sources=("R1", "R2"), targets=("R3",)))
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {(KEY, "R3"): "created"}


@pytest.mark.parametrize("names", [(NAME, "other"), ()])
def test_no_copy_is_set_back_while_a_better_source_is_away(scene, names):
    make(scene, "R1", tags=[{"name": "new"}])
    make(scene, "R2", "R3", tags=[{"name": "old"}])
    other = make(scene, "R2", name="other")
    leave(scene, "R1")
    job_id = job(
        scene, about(*names, sources=("R1", "R2"), targets=("R2", "R3"), on_drift="update")
    )
    scene.engine()
    paused(scene, job_id, "R1")
    assert reasons(scene, job_id) == {(other, "R3"): "created"}
    end_after_heal(scene, job_id, "R1")
    assert [tags(scene, region) for region in ("R2", "R3")] == [["old", "new"]] * 2
    assert reasons(scene, job_id).keys() == {(other, "R3"), (KEY, "R2"), (KEY, "R3")}


def test_regions_that_come_back_one_by_one_are_not_delayed(scene):
    keys = {region: make(scene, region, name=region) for region in ALL3}
    make(scene, *ALL3)
    leave(scene, "R2", "R3")
    job_id = job(scene, everywhere())
    scene.engine()
    paused(scene, job_id, "R2", "R3")
    assert reasons(scene, job_id) == {}
    scene.glances["R2"].heal()
    paused(scene, job_id, "R3")
    assert reasons(scene, job_id) == {(keys["R1"], "R2"): "created", (keys["R2"], "R1"): "created"}
    end_after_heal(scene, job_id, "R3")
    assert reasons(scene, job_id) == {
        (key, target): "created" for home, key in keys.items() for target in ALL3 if target != home
    }
    # It is compared with the namespace of R1, whose name is the first.
    assert scene.get(job_id).in_sync == {"R2": 1, "R3": 1}


def test_a_target_that_was_compared_is_not_waited_for(scene):
    """It goes away while the job waits for another one."""
    make(scene, "R1", "R3")
    missing = make(scene, "R1", name="missing")
    job_id = waiting(scene, "R2", about())
    assert scene.get(job_id).in_sync == {"R3": 1}
    leave(scene, "R3")
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == {
        (missing, "R3"): "created",
        (missing, "R2"): "created",
        (KEY, "R2"): "created",
    }
    assert scene.get(job_id).in_sync == {"R3": 1}


def test_each_part_knows_what_all_earlier_ones_have_compared(scene):
    make(scene, *ALL3)
    job_id = waiting(scene, "R3", about(sources=("R1", "R2"), targets=("R2", "R3")))
    assert scene.get(job_id).in_sync == {"R2": 1}
    leave(scene, "R2")
    scene.glances["R3"].heal()
    paused(scene, job_id, "R2")
    end_after_heal(scene, job_id, "R2")
    assert scene.get(job_id).in_sync == {"R2": 1, "R3": 1}


@pytest.mark.parametrize("region", ["R1", "R2"])
def test_a_region_that_goes_away_while_it_is_read_is_counted_once(scene, monkeypatch, region):
    monkeypatch.setattr("kingbird.sync.metadefs.plan.BATCH", 2)
    for name in "abcde":
        make(scene, *ALL3, name=name)
    gone = []

    def goes_away(detail):
        # The first batch is read, and the second is not.
        gone.extend([detail] if detail == "c" else [])
        return unavailable() if gone else None

    scene.glances[region].fail("*", goes_away, times=None)
    job_id = job(scene, about())
    scene.engine()
    paused(scene, job_id, region)
    assert scene.get(job_id).in_sync == ({"R3": 5} if region == "R2" else {})
    scene.glances[region].heal()
    assert scene.ended(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {}
    assert scene.get(job_id).in_sync == {"R2": 5, "R3": 5}


def test_the_figures_of_a_region_stay_while_its_comparison_waits(scene):
    make(scene, *ALL3)
    make(scene, "R1", "R3", name="missing", tags=[])
    scene.engine()
    assert scene.ended(job(scene, everywhere(dry_run=True))) == "SUCCESS"
    assert figures() == dict.fromkeys(ALL3, (2, False))
    assert states() == {("missing", "R2"): "missing"}
    leave(scene, "R2")
    job_id = job(scene, about(on_drift="update"))
    paused(scene, job_id, "R2")
    assert figures() == {"R1": (2, False), "R2": (2, True), "R3": (2, False)}
    assert states() == {("missing", "R2"): "missing"}
    make(scene, "R1", "R3", name="later")
    end_after_heal(scene, job_id, "R2")
    # The part of R3 has ended before.
    assert figures() == {"R1": (2, False), "R2": (3, False), "R3": (2, False)}
    assert states() == {}


def test_the_states_of_a_region_stay_while_a_source_is_away(scene):
    make(scene, "R1", "R2")
    make(scene, "R3", description="other")
    scene.engine()
    assert scene.ended(job(scene, everywhere(dry_run=True))) == "SUCCESS"
    assert states() == {(NAME, "R3"): "drift"}
    leave(scene, "R2")
    job_id = job(scene, everywhere(on_drift="update"))
    paused(scene, job_id, "R2")
    assert states() == {(NAME, "R3"): "drift"}
    end_after_heal(scene, job_id, "R2")
    assert states() == {}


@pytest.mark.parametrize("names", [(NAME,), ()])
def test_a_region_that_stays_away_fails_after_some_time(scene, names):
    make(scene, "R1")
    job_id = waiting(scene, "R2", about(*names))
    set_away(1801)
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {
        (KEY, "R3"): "created",
        (KEY if names else "*", "R2"): "region_unavailable",
    }
    assert scene.get(job_id).away is None


@pytest.mark.parametrize("names", [(NAME,), ()])
def test_a_cancelled_job_does_not_wait(scene, names):
    scene.conf.set_override("breaker_reset_timeout", 3600, group="sync")
    make(scene, "R1")
    leave(scene, "R2")
    job_id = job(scene, about(*names))
    engine = scene.engine()
    paused(scene, job_id, "R2")
    db.job_actions.cancel(scene.get(job_id))
    engine.cancel(job_id)
    assert scene.ended(job_id) == "CANCELLED"
    assert reasons(scene, job_id) == {
        (KEY, "R3"): "created",
        (KEY if names else "*", "R2"): "cancelled",
    }


def test_a_share_that_is_cancelled_is_not_waited_for(scene):
    make(scene, "R1")
    job_id = waiting(scene, "R2", about(NAME))
    db.job_actions.cancel_part(scene.get(job_id), db.job_actions.Part(regions=["R2"]))
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id)[KEY, "R2"] == "region_unavailable"


def test_a_job_whose_trust_ends_does_not_wait(scene):
    make(scene, "R1")
    job_id = waiting(scene, "R2", about(NAME))
    scene.keystone.trusts.clear()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {(KEY, "R3"): "created", (KEY, "R2"): "forbidden"}


def test_a_dry_run_does_not_wait(scene):
    make(scene, "R1")
    leave(scene, "R2")
    job_id = job(scene, about(NAME, dry_run=True))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {(KEY, "R2"): "region_unavailable", (KEY, "R3"): "missing"}


def test_no_patience_at_all(scene):
    scene.conf.set_override("region_patience", 0, group="sync")
    make(scene, "R1")
    leave(scene, "R2")
    job_id = job(scene, about(NAME))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id)[KEY, "R2"] == "region_unavailable"


def test_a_region_that_fails_for_a_list_alone_is_not_waited_for(scene):
    make(scene, "R1")
    scene.glances["R2"].fail("GET namespaces", unavailable(500), times=None)
    job_id = job(scene, about(NAME))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {(KEY, "R3"): "created", (KEY, "R2"): "region_unavailable"}


def test_what_waits_is_not_compared_again_and_again(scene):
    make(scene, "R1")
    job_id = waiting(scene, "R2", everywhere())
    generation, parts = scene.get(job_id).generation, scene.get(job_id).plan_parts
    lists = scene.glances["R1"].count()["GET namespaces"]
    wait_for(lambda: scene.get(job_id).generation > generation + 2)
    assert scene.glances["R1"].count()["GET namespaces"] == lists
    assert scene.get(job_id).plan_parts == parts == 1


@pytest.mark.parametrize("names", [(NAME,), ()])
def test_a_retry_of_a_region_that_is_away_still_waits(scene, names):
    make(scene, "R1")
    job_id = waiting(scene, "R2", about(*names))
    set_away(1801)
    assert scene.tidied(job_id) == "FAILURE"
    again(scene, job_id)
    paused(scene, job_id, "R2")
    end_after_heal(scene, job_id, "R2")
    assert reasons(scene, job_id) == {(KEY, "R2"): "created", (KEY, "R3"): "created"}


@pytest.mark.parametrize("kind", ["named", "wildcard", "any-to-any"])
def test_a_retry_of_several_regions_holds_none_up(scene, kind):
    make(scene, "R1")
    same = make(scene, "R1", "R3", name="same")
    leave(scene, "R2", "R3")
    one = {"named": about(NAME, "same"), "wildcard": about(), "any-to-any": everywhere()}[kind]
    job_id = job(scene, one)
    scene.engine()
    paused(scene, job_id, "R2", "R3")
    set_away(1801)
    assert scene.tidied(job_id) == "FAILURE"
    scene.glances["R3"].heal()
    again(scene, job_id)
    paused(scene, job_id, "R2")
    assert reasons(scene, job_id)[KEY, "R3"] == "created"
    end_after_heal(scene, job_id, "R2")
    found = {(KEY, "R2"): "created", (KEY, "R3"): "created", (same, "R2"): "created"}
    assert reasons(scene, job_id) == found | ({(same, "R3"): "in_sync"} if kind == "named" else {})
    assert scene.get(job_id).in_sync.get("R3", 0) == (kind != "named")
