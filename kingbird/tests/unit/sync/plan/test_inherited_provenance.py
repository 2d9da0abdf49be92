"""Test images that have the provenance of another one: Glance hands properties on."""

import pytest

from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.scene import Scene


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture(params=[False, True], ids=["copy", "forced copy"])
def snapshot(request, scene):
    """Give a snapshot in R2 of a server that was booted from a copy."""
    image = scene.create(visibility="private", os_distro="debian")
    scene.glances["R1"].upload(image["id"], b"base")
    (copy,) = scene.sync(image["id"], force=request.param)
    base = scene.glances["R2"].upload(copy.target_resource, b"base")
    assert base.keys() >= {fields.SOURCE_ID, fields.SOURCE_HASH}
    inherited = {name: base[name] for name in base if name.startswith("kingbird_")}
    made = scene.create("R2", name="snapshot", visibility="private", **inherited)
    return scene.glances["R2"].upload(made["id"], b"changed")


@pytest.mark.parametrize("wildcard", [False, True])
@pytest.mark.parametrize("force", [False, True])
def test_a_copy_of_a_snapshot_names_the_snapshot(scene, snapshot, force, wildcard):
    ids = ("*",) if wildcard else (snapshot["id"],)
    one = SyncSet(ids, ("R2",), ("R3",), force)
    items = [each for each in scene.plan_sets(one) if each.resource == snapshot["id"]]
    (outcome,) = [scene.apply(item) for item in items]
    copy = scene.glances["R3"].peek(outcome.target_resource)
    assert (copy[fields.SOURCE_REGION], copy[fields.SOURCE_ID]) == ("R2", snapshot["id"])
    assert copy[fields.SOURCE_HASH] == f"sha512:{snapshot['os_hash_value']}"
    assert copy.get(fields.FORCED) == ("true" if force and not wildcard else None)
    again = [each for each in scene.plan_sets(one) if each.resource == snapshot["id"]]
    assert wildcard is not any(item.outcome.reason == "no_data" for item in again)


@pytest.mark.parametrize("prunes", [False, True])
def test_inherited_properties_are_neither_compared_nor_removed(scene, snapshot, prunes):
    plain = {"name": "snapshot", "disk_format": "raw", "container_format": "bare"}
    scene.images("R3").create({"id": snapshot["id"], "visibility": "private", **plain})
    one = SyncSet((snapshot["id"],), ("R2",), ("R3",), updates=True, prunes=prunes)
    other = SyncSet((snapshot["id"],), ("R3",), ("R2",), updates=True, prunes=prunes)
    assert [item.outcome.reason for item in scene.plan_sets(one)] == ["no_data"]
    assert [item.outcome.reason for item in scene.plan_sets(other)] == ["in_sync"]
    for sets in (("R2",), ("R3",)), (("R3",), ("R2",)):
        wildcard = SyncSet(("*",), *sets, updates=True, prunes=prunes)
        assert snapshot["id"] not in {each.resource for each in scene.plan_sets(wildcard)}


def test_a_snapshot_is_no_copy_of_its_image(scene, snapshot):
    """Leave the image's own copy to be made where only a snapshot of it is."""
    base = snapshot[fields.SOURCE_ID]
    inherited = {name: snapshot[name] for name in snapshot if name.startswith("kingbird_")}
    scene.create("R3", visibility="private", **inherited)
    for one in SyncSet((base,), ("R1",), ("R3",)), SyncSet(("*",), ("R1",), ("R3",)):
        (item,) = scene.plan_sets(one)
        assert (item.action, item.target_resource) == ("create", base)
