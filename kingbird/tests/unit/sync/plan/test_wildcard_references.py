"""Plan wildcard sets with images that refer to others."""

import uuid

import pytest

from kingbird.sync import image as fields
from kingbird.tests.unit.sync.plan.wildcards import active, copied, do, rows, wildcard
from kingbird.tests.unit.sync.scene import OTHER, Scene


@pytest.fixture
def scene():
    return Scene()


def test_an_ami_follows_its_kernel_whatever_the_order_of_their_ids(scene):
    for first in ("0", "f"):
        kernel = active(
            scene, id=first + str(uuid.uuid4())[1:], disk_format="aki", container_format="aki"
        )
        active(scene, kernel_id=kernel["id"])
    items = scene.plan_sets(wildcard())
    assert [item.rank for item in items] == [0, 0, 1, 1]
    assert {one.reason for one in do(scene, items)} == {"created"}
    assert scene.plan_sets(wildcard()) == []


def test_an_ami_refers_to_the_forced_copy_of_its_kernel(scene):
    kernel = active(scene)
    copied(scene, kernel, owner=OTHER, visibility="community")
    ami = active(scene, kernel_id=kernel["id"])
    items = {item.resource: item for item in scene.plan_sets(wildcard(force=True))}
    moved = fields.forced_id(kernel["id"], "R2", 1)
    assert items[ami["id"]].work.record["kernel_id"] == moved
    assert items[ami["id"]].work.fallback["kernel_id"] == moved
    do(scene, items.values())
    assert scene.plan_sets(wildcard(force=True)) == []


def test_an_ami_fails_with_its_kernel(scene):
    kernel = active(scene)
    copied(scene, kernel, owner=OTHER, visibility="community")
    ami = active(scene, kernel_id=kernel["id"])
    assert rows(scene.plan_sets(wildcard())) == {
        (kernel["id"], "R1", "R2"): ("none", "owner_conflict"),
        (ami["id"], "R1", "R2"): ("none", "dependency_failed"),
    }


def test_an_ami_takes_along_what_nothing_selected(scene):
    kernel = active(scene, name="kernel")
    ami = active(scene, name="ami", kernel_id=kernel["id"])
    only = wildcard(filters={"name": "ami"})
    items = scene.plan_sets(only)
    assert [(item.resource, item.rank) for item in items] == [(kernel["id"], 0), (ami["id"], 1)]
    do(scene, items)
    for glance in scene.glances.values():
        glance.calls.clear()
    assert scene.plan_sets(only) == []
    assert scene.glances["R2"].count() == {"list": 3}


def test_an_ami_whose_kernel_is_nowhere(scene):
    kernel = str(uuid.uuid4())
    ami = active(scene, kernel_id=kernel)
    assert rows(scene.plan_sets(wildcard())) == {
        (kernel, "R1", "R2"): ("none", "source_gone"),
        (ami["id"], "R1", "R2"): ("none", "dependency_failed"),
    }


def test_an_ami_follows_a_kernel_that_waits_for_the_end_of_the_walk_too(scene):
    for first in ("0", "f"):
        kernel = active(scene, id=first + str(uuid.uuid4())[1:], os_hidden=True)
        copied(scene, kernel, owner=OTHER, visibility="community")
        active(scene, kernel_id=kernel["id"])
    items = scene.plan_sets(wildcard(force=True))
    assert [item.rank for item in items] == [0, 0, 1, 1]
    assert {one.reason for one in do(scene, items)} == {"created"}
    assert scene.plan_sets(wildcard(force=True)) == []
