"""Plan wildcard sets: the meaning of ``*``, and decisions after the walk."""

import time
import uuid

import pytest

from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.plan.wildcards import (
    ALL3,
    active,
    any_to_any,
    copied,
    do,
    rows,
    unusable_in,
    wildcard,
)
from kingbird.tests.unit.sync.scene import ADMIN, DEMO, OTHER, RULES, Scene


@pytest.fixture
def scene():
    return Scene()


def test_the_union_of_all_regions_ends_up_in_all_of_them(scene):
    made = {region: active(scene, region, name=region)["id"] for region in ALL3}
    items = scene.plan_sets(any_to_any())
    assert rows(items) == {
        (image_id, region, target): ("create", None)
        for region, image_id in made.items()
        for target in ALL3
        if target != region
    }
    assert {one.reason for one in do(scene, items)} == {"created"}
    assert all(glance.ids == set(made.values()) for glance in scene.glances.values())


def test_a_second_run_makes_list_calls_only(scene):
    for region in ALL3:
        for n in range(4):
            active(scene, region, name=f"{n}", os_hidden=n == 3)
    gone = active(scene, name="gone")
    copied(scene, gone)
    scene.glances["R2"].delete(gone["id"])
    do(scene, scene.plan_sets(any_to_any()))
    scene.unusable = {"R2": {gone["id"]: "deleted_in_target"}}
    for glance in scene.glances.values():
        glance.calls.clear()
    items = scene.plan_sets(any_to_any())
    assert rows(items) == {(gone["id"], "R1", "R2"): ("none", "deleted_in_target")}
    # Each image is in sync at home, and its copies but for their data.
    assert scene.planner.in_sync == {"R1": 5, "R2": 4, "R3": 4}
    assert scene.planner.no_data == {"R1": 8, "R2": 8, "R3": 9}
    # Forced copies, visible images, hidden images.  One image is missing in the second region.
    calls = {region: glance.count() for region, glance in scene.glances.items()}
    assert calls == {"R1": {"list": 3}, "R2": {"list": 3 + 2}, "R3": {"list": 3}}


def test_a_members_star_is_what_its_project_owns(scene):
    mine = active(scene, name="mine")["id"]
    for visibility in ("public", "community", "private", "shared"):
        theirs = scene.create(owner=OTHER, visibility=visibility)["id"]
        scene.glances["R1"].upload(theirs, b"x")
    assert [item.resource for item in scene.plan_sets(wildcard())] == [mine]


def test_an_admins_star_is_its_project_unless_it_says_all_projects(scene):
    admin = scene.caller(ADMIN, is_admin=True)
    mine = active(scene, owner=ADMIN)["id"]
    theirs = active(scene, owner=OTHER, visibility="community")["id"]
    items = scene.plan_sets(wildcard(), caller=admin)
    assert [item.resource for item in items] == [mine]
    items = scene.plan_sets(wildcard(all_projects=True), caller=admin)
    assert {item.resource for item in items} == {mine, theirs}
    assert {item.work.owner for item in items} == {ADMIN, OTHER}


def test_all_projects_include_images_without_an_owner(scene):
    admin = scene.caller(ADMIN, is_admin=True)
    nobodys = active(scene, owner=None, visibility="public")["id"]
    assert scene.plan_sets(wildcard(), caller=admin) == []
    sets = any_to_any(all_projects=True)
    do(scene, scene.plan_sets(sets, caller=admin), admin)
    owners = [scene.images(name, ADMIN, True).get(nobodys)["owner"] for name in ALL3]
    assert owners == [None] * 3
    assert scene.plan_sets(sets, caller=admin) == []


def test_all_projects_of_who_is_no_admin_is_its_project(scene):
    active(scene, owner=OTHER, visibility="public")
    assert scene.plan_sets(wildcard(all_projects=True)) == []


def test_what_has_no_data_is_no_source(scene):
    scene.create()
    assert scene.plan_sets(wildcard()) == []
    assert len(scene.plan_sets(wildcard(filters={"statuses": ["queued"]}))) == 1


def test_the_copy_with_data_is_the_source(scene):
    image = active(scene, "R3")
    copied(scene, image, "R1")
    items = scene.plan_sets(any_to_any())
    assert rows(items) == {(image["id"], "R3", "R2"): ("create", None)}


def test_what_the_request_names_first_is_preferred(scene):
    image = active(scene, "R1", id=str(uuid.uuid4()))
    active(scene, "R3", id=image["id"])
    preferring = SyncSet(("*",), ALL3, ("R2",), preferred=("R3",))
    assert rows(scene.plan_sets(preferring)) == {(image["id"], "R3", "R2"): ("create", None)}


def test_drift_and_conflicts_are_reported(scene):
    drifted = active(scene, min_disk=1, tags=["a"])
    copied(scene, drifted, min_disk=2, tags=["b"])
    data = active(scene)
    copied(scene, data, **{fields.SOURCE_HASH: "sha512:0"})
    scene.glances["R2"].upload(data["id"], b"other data")
    owner = active(scene)
    copied(scene, owner, owner=OTHER, visibility="community")
    items = scene.plan_sets(wildcard())
    assert rows(items) == {
        (drifted["id"], "R1", "R2"): ("none", "drift"),
        (data["id"], "R1", "R2"): ("none", "data_conflict"),
        (owner["id"], "R1", "R2"): ("none", "owner_conflict"),
    }
    (message,) = [i.outcome.message for i in items if i.outcome.reason == "drift"]
    assert "min_disk, tags" in message


def test_a_dry_run_says_what_would_be_done(scene):
    missing, drifted = active(scene), active(scene, min_disk=1)
    copied(scene, drifted, min_disk=2)
    gone = active(scene)
    copied(scene, gone)
    scene.glances["R2"].delete(gone["id"])
    scene.unusable = {"R2": {gone["id"]: "deleted_in_target"}}
    for updates, action in ((False, "none"), (True, "update")):
        items = scene.plan_sets(wildcard(dry_run=True, updates=updates))
        assert {item.outcome.status for item in items} == {"PLANNED"}
        assert all(item.work is None for item in items)
        assert rows(items) == {
            (missing["id"], "R1", "R2"): ("create", "missing"),
            (drifted["id"], "R1", "R2"): (action, "drift"),
            (gone["id"], "R1", "R2"): ("none", "deleted_in_target"),
        }
        assert all("min_disk" in i.outcome.message for i in items if i.outcome.reason == "drift")
    assert not scene.glances["R2"].count()["update"]


def test_a_region_that_is_away_is_one_item(scene):
    active(scene)
    scene.glances["R3"].fail("*", unavailable(), times=None)
    items = scene.plan_sets(any_to_any(dry_run=True))
    found = {(i.resource, i.target_region): (i.outcome.reason, i.outcome.status) for i in items}
    assert found["*", "R3"] == ("region_unavailable", "FAILURE")
    assert [key[1] for key in found] == ["R2", "R3"]


def test_a_source_that_is_away_is_said_too(scene):
    scene.glances["R1"].fail("*", unavailable(), times=None)
    (item,) = scene.plan_sets(wildcard(("R1", "R3"), ("R2",)))
    assert (item.resource, item.target_region) == ("*", "R1")


def test_a_region_that_is_a_source_only_lists_what_is_selected(scene):
    active(scene, name="one")
    active(scene, name="two")
    for glance in scene.glances.values():
        glance.calls.clear()
    (item,) = scene.plan_sets(wildcard(filters={"name": "two", "tags": []}))
    assert item.work.record["name"] == "two"
    assert scene.glances["R1"].count() == {"list": 2}
    for _, query in scene.glances["R1"].calls:
        assert (query["name"], query["owner"]) == (["two"], [DEMO])
        assert query["status"] == ["in:active,deactivated"]
    lists = [query for _, query in scene.glances["R2"].calls if isinstance(query, dict)]
    assert not any("status" in query for query in lists)


def test_the_star_leaves_out_what_a_set_before_it_names(scene):
    image, other = active(scene), active(scene)
    named = SyncSet((image["id"],), ("R1",), ("R2",), True)
    items = scene.plan_sets(named, wildcard(targets=("R2", "R3")))
    assert {(i.resource, i.target_region, bool(i.work.forced)) for i in items} == {
        (image["id"], "R2", True),
        (image["id"], "R3", False),
        (other["id"], "R2", False),
        (other["id"], "R3", False),
    }


def test_no_id_of_a_forced_copy_is_made_where_there_is_none(scene, monkeypatch):
    """Each image may have twenty, and nearly none has one."""
    image = active(scene)
    monkeypatch.setattr(fields, "forced_id", None)
    assert rows(scene.plan_sets(wildcard())) == {(image["id"], "R1", "R2"): ("create", None)}


# Records that are half made.


@pytest.mark.parametrize("forced", [False, True])
def test_a_copy_that_has_no_tags_yet_is_completed(scene, forced):
    """Glance adds the tags of a new image after the rest, and another job may list in between."""
    image = unusable_in(scene, tags=["a"]) if forced else active(scene, tags=["a"])
    scene.glances["R2"].fail("create", unavailable(), times=1, when="half_made")
    name = fields.forced_id(image["id"], "R2", 1) if forced else image["id"]
    record = fields.record_for(image, "R1", RULES, image_id=name, forced=forced)
    with pytest.raises(Exception, match="away"):
        scene.images("R2").create(record)
    (item,) = scene.plan_sets(wildcard(force=forced))
    assert (item.action, item.outcome) == ("create", None)
    assert scene.apply(item).reason == "created"
    assert scene.glances["R2"].peek(name)["tags"] == ["a"]


def test_a_copy_without_tags_that_was_changed_since_has_drifted(scene):
    image = active(scene, tags=["a"])
    copied(scene, image, tags=[])
    later = [{"op": "replace", "path": "/tags", "value": []}]
    time.sleep(1.1)
    scene.images("R2").update(image["id"], later)
    assert rows(scene.plan_sets(wildcard())) == {(image["id"], "R1", "R2"): ("none", "drift")}
