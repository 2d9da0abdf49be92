"""Plans for named images: every row of the outcome table that is known before writing."""

import uuid

import pytest

from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.plan.by_id import copy_of, reasons
from kingbird.tests.unit.sync.scene import DEMO, OTHER, RULES, Scene


@pytest.fixture
def scene():
    return Scene()


def test_a_missing_image_is_created_in_each_target(scene):
    image = scene.create()
    items = scene.plan(image["id"], targets=("R2", "R3"))
    assert reasons(items) == [("R2", "create", None), ("R3", "create", None)]
    assert all(item.target_resource == image["id"] for item in items)


def test_planning_writes_nothing(scene):
    scene.plan(scene.create()["id"], targets=("R2", "R3"))
    for name, glance in scene.glances.items():
        assert glance.count()["create"] == (1 if name == "R1" else 0)
        assert not glance.count()["update"]


def test_the_same_image_and_region_twice_is_one_item(scene):
    image = scene.create()["id"]
    again = SyncSet((image,), ("R1",), ("R2", "R3"), True)
    items = scene.plan(image, image, more=(again,))
    assert [(i.target_region, bool(i.work.forced)) for i in items] == [("R2", False), ("R3", True)]


def test_in_sync(scene):
    image = scene.create()
    copy_of(scene, image)
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "in_sync")]


def test_drift_names_the_fields(scene):
    image = scene.create(min_disk=1, tags=["x"])
    copy_of(scene, image, min_disk=2, tags=["y"])
    (item,) = scene.plan(image["id"])
    assert item.outcome.reason == "drift"
    assert "min_disk, tags" in item.outcome.message
    assert item.outcome.status == "FAILURE"


def test_a_squatter_is_an_owner_conflict_for_an_admin_who_sees_it(scene):
    image = scene.create()
    scene.images("R2", OTHER).create({"id": image["id"], "name": "squatter"})
    (item,) = scene.plan(image["id"], caller=scene.caller("a" * 32, is_admin=True))
    assert item.outcome.reason == "owner_conflict"
    assert item.target_resource is None


def test_a_squatter_is_never_a_source(scene):
    image = scene.create()
    squat = scene.images("R2", OTHER).create({"id": image["id"], "visibility": "community"})
    scene.glances["R2"].images_for(OTHER).update(
        squat["id"], [{"op": "add", "path": "/disk_format", "value": "raw"}]
    )
    scene.glances["R2"].images_for(OTHER).update(
        squat["id"], [{"op": "add", "path": "/container_format", "value": "bare"}]
    )
    scene.glances["R2"].upload(squat["id"], b"theirs")
    # The squatter's copy has data and is named first; it is still another image.
    (item,) = scene.plan(image["id"], sources=("R2", "R1"), targets=("R3",))
    assert item.source_region == "R1"
    assert item.work.record["name"] == image["name"]


def test_data_conflict(scene):
    image = scene.create()
    copy_of(scene, image)
    scene.glances["R1"].upload(image["id"], b"one")
    scene.glances["R2"].upload(image["id"], b"other")
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "data_conflict")]


def test_a_hidden_image_is_found_in_source_and_target(scene):
    image = scene.create(os_hidden=True)
    assert reasons(scene.plan(image["id"])) == [("R2", "create", None)]
    copy_of(scene, image)
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "in_sync")]


def test_not_owner_unless_it_is_there_already(scene):
    image = scene.create(visibility="public", owner=OTHER)
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "not_owner")]
    record = fields.record_for(image, "R1", RULES, image_id=image["id"], owner=OTHER)
    scene.images("R2", is_admin=True).create(record)
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "in_sync")]


def test_force_makes_a_private_copy_of_what_the_project_does_not_own(scene):
    image = scene.create(visibility="public", owner=OTHER)
    (item,) = scene.plan(image["id"], force=True)
    assert item.work.record["visibility"] == "private"
    assert item.work.owner == DEMO
    scene.apply(item)
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "in_sync")]


def test_an_admin_copies_the_owner(scene):
    image = scene.create()
    (item,) = scene.plan(image["id"], caller=scene.caller("a" * 32, is_admin=True))
    assert item.work.record["owner"] == DEMO


def test_region_bound_is_skipped(scene):
    image = scene.create(block_device_mapping='[{"snapshot_id": "s"}]')
    (item,) = scene.plan(image["id"])
    assert (item.outcome.status, item.outcome.reason) == ("SKIPPED", "region_bound")


def test_source_gone(scene):
    (item,) = scene.plan(str(uuid.uuid4()))
    assert (item.outcome.status, item.outcome.reason) == ("FAILURE", "source_gone")
    assert "R1" in item.outcome.message


def test_a_region_that_is_away_costs_its_own_items_only(scene):
    image = scene.create()
    scene.glances["R2"].fail("*", unavailable(), times=None)
    items = scene.plan(image["id"], targets=("R2", "R3"))
    assert reasons(items) == [("R2", "none", "region_unavailable"), ("R3", "create", None)]
    assert scene.slept, "it was tried again"


def test_a_region_that_left_the_catalog_is_unavailable(scene):
    image = scene.create()
    items = scene.plan(image["id"], targets=("R2", "R3"), without=("R2",))
    assert reasons(items) == [("R2", "none", "region_unavailable"), ("R3", "create", None)]


def test_a_source_region_that_is_away_is_no_source_gone(scene):
    image = scene.create()
    scene.glances["R1"].fail("*", unavailable(), times=None)
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "region_unavailable")]


def test_one_refusal_is_no_outage(scene):
    image = scene.create()
    scene.glances["R2"].fail("list", unavailable(429), times=1)
    assert reasons(scene.plan(image["id"])) == [("R2", "create", None)]
    assert len(scene.slept) == 1


def test_the_source_is_the_copy_with_data(scene):
    image = scene.create()
    copy_of(scene, image)
    scene.glances["R2"].upload(image["id"], b"data")
    (item,) = scene.plan(image["id"], sources=("R1", "R2"), targets=("R3",))
    assert item.source_region == "R2"


def test_then_the_one_that_the_request_names_first(scene):
    image = scene.create()
    copy_of(scene, image)
    (item,) = scene.plan(image["id"], sources=("R2", "R1"), targets=("R3",))
    assert item.source_region == "R2"


def test_where_the_source_is_the_target_there_is_nothing_to_do(scene):
    image = scene.create()
    items = scene.plan(image["id"], sources=("R1", "R2"), targets=("R1", "R2"), force=True)
    assert reasons(items)[0] == ("R1", "none", "in_sync")
    assert reasons(items)[1] == ("R2", "create", None)


# Ids that are unusable.


def test_an_unusable_id_is_not_asked_again(scene):
    image = scene.create()
    scene.unusable["R2"] = {image["id"]: "deleted_in_target"}
    (item,) = scene.plan(image["id"])
    assert (item.outcome.status, item.outcome.reason) == ("SKIPPED", "deleted_in_target")


def test_an_id_that_came_back_is_not_unusable(scene):
    image = scene.create()
    copy_of(scene, image)
    scene.unusable["R2"] = {image["id"]: "deleted_in_target"}
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "in_sync")]


def test_force_goes_past_an_unusable_id(scene):
    image = scene.create()
    scene.unusable["R2"] = {image["id"]: "deleted_in_target"}
    assert reasons(scene.plan(image["id"], force=True)) == [("R2", "create", None)]


# AMIs.


def trio(scene, **more):
    kernel = scene.create(name="kernel", disk_format="aki", container_format="aki")
    ramdisk = scene.create(name="ramdisk", disk_format="ari", container_format="ari")
    ami = scene.create(
        name="ami",
        disk_format="ami",
        container_format="ami",
        kernel_id=kernel["id"],
        ramdisk_id=ramdisk["id"],
        **more,
    )
    return ami, kernel, ramdisk


def test_an_ami_takes_kernel_and_ramdisk_along_and_goes_last(scene):
    ami, kernel, ramdisk = trio(scene)
    items = scene.plan(ami["id"])
    assert {item.resource for item in items[:2]} == {kernel["id"], ramdisk["id"]}
    assert [item.rank for item in items] == [0, 0, 1]
    assert items[2].work.references == {"kernel_id": kernel["id"], "ramdisk_id": ramdisk["id"]}


def test_references_follow_to_forced_copies(scene):
    ami, kernel, _ = trio(scene)
    record = scene.plan(ami["id"], force=True)[2].work.record
    assert record["kernel_id"] == fields.forced_id(kernel["id"], "R2", 1)
    scene.sync(ami["id"], force=True)
    assert {item.outcome.reason for item in scene.plan(ami["id"], force=True)} == {"in_sync"}


def test_an_ami_fails_with_its_kernel(scene):
    ami, kernel, _ = trio(scene)
    scene.glances["R1"].delete(kernel["id"])
    by_id = {item.resource: item for item in scene.plan(ami["id"])}
    assert by_id[kernel["id"]].outcome.reason == "source_gone"
    assert by_id[ami["id"]].outcome.reason == "dependency_failed"
    assert kernel["id"] in by_id[ami["id"]].outcome.message


def test_images_that_name_each_other_are_planned_all_the_same(scene):
    ids = [str(uuid.uuid4()), str(uuid.uuid4())]
    for one, other in (ids, reversed(ids)):
        scene.create(id=one, kernel_id=other)
    items = scene.plan(*ids)
    assert sorted(item.resource for item in items) == sorted(ids)
    scene.create(id=(own := str(uuid.uuid4())), kernel_id=own)
    assert reasons(scene.plan(own)) == [("R2", "create", None)]


# Calls.


def test_ids_are_asked_for_by_the_hundred(scene):
    ids = [scene.create(name=f"n{n}", visibility="private")["id"] for n in range(250)]
    for glance in scene.glances.values():
        glance.calls.clear()
    scene.plan(*ids)
    assert scene.glances["R1"].count() == {"list": 3}
    # 250 ids and the region's forced copies, visible and hidden.
    assert scene.glances["R2"].count() == {"list": 8}
    assert not scene.glances["R3"].calls
    for one in ids:
        copy_of(scene, scene.glances["R1"].peek(one))
    scene.glances["R2"].calls.clear()
    assert {item.outcome.reason for item in scene.plan(*ids)} == {"in_sync"}
    assert scene.glances["R2"].count() == {"list": 3}


def test_all_ids_of_copies_of_a_few_images_are_asked_for_at_once(scene):
    ids = [scene.create(name=f"n{n}")["id"] for n in range(4)]
    scene.plan(*ids)
    # Visible and hidden.
    assert scene.glances["R2"].count() == {"list": 2}


def test_an_admins_copy_of_an_image_without_an_owner_has_none_either(scene):
    image = scene.create(owner=None, visibility="public")
    admin = scene.caller("a" * 32, is_admin=True)
    (item,) = scene.plan(image["id"], caller=admin)
    assert scene.apply(item, admin).reason == "created"
    assert scene.images("R2", is_admin=True).get(image["id"])["owner"] is None
    for caller in (admin, scene.caller()):
        assert reasons(scene.plan(image["id"], caller=caller)) == [("R2", "none", "in_sync")]


@pytest.mark.parametrize(("is_admin", "owner"), [(True, None), (False, DEMO)])
def test_a_forced_copy_of_an_image_without_an_owner(scene, is_admin, owner):
    """An admin's copy has none either, a member's belongs to its project."""
    image = scene.create(owner=None, visibility="public")
    caller = scene.caller(is_admin=is_admin)
    (item,) = scene.plan(image["id"], caller=caller, force=True)
    target = scene.apply(item, caller).target_resource
    assert scene.images("R2", is_admin=True).get(target)["owner"] == owner
    again = scene.plan(image["id"], caller=caller, force=True)
    assert reasons(again) == [("R2", "none", "in_sync")]


def test_an_image_without_an_owner_is_nobodys_own(scene):
    image = scene.create(owner=None, visibility="public")
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "not_owner")]


@pytest.mark.parametrize(("here", "there"), [(None, DEMO), (DEMO, None)])
def test_an_owner_and_none_are_two_owners(scene, here, there):
    image = scene.create(owner=here, visibility="public")
    copy_of(scene, image, is_admin=True, owner=there)
    items = scene.plan(image["id"], caller=scene.caller("a" * 32, is_admin=True))
    assert reasons(items) == [("R2", "none", "owner_conflict")]
