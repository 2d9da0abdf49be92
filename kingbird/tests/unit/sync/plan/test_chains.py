"""Images that refer to images that refer to others: how far a plan follows them."""

import uuid
from itertools import pairwise

import pytest

from kingbird.sync import image as fields
from kingbird.sync.outcome import REFERENCE_DEPTH
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.scene import OTHER, RULES, Scene

SENTENCE = f"deeper than {REFERENCE_DEPTH}"

#: The sets that bring a chain to R2, by what they select.
SETS = {
    "the head by its id": lambda ids: SyncSet((ids[0],), ("R1",), ("R2",)),
    "all by their ids": lambda ids: SyncSet(tuple(ids), ("R1",), ("R2",)),
    "the head by a filter": lambda ids: SyncSet(
        ("*",), ("R1",), ("R2",), filters={"name": "image 0"}
    ),
    "all": lambda ids: SyncSet(("*",), ("R1",), ("R2",)),
}
HEADS = [kind for kind in SETS if "head" in kind]


@pytest.fixture
def scene():
    return Scene()


def chain(scene, length, *, reverse=False, ends_with=None):
    """Make a chain of references in R1, and return the ids, those of the head first.

    :param reverse: whether the ids descend.
    :param ends_with: the place of the image that the last one refers to.
    """
    ids = sorted((str(uuid.uuid4()) for _ in range(length + 1)), reverse=reverse)
    for n, image_id in enumerate(ids):
        other = ids[n + 1] if n < length else None
        if other is None and ends_with is not None:
            other = ids[ends_with]
        refers = {"kernel_id": other} if other else {}
        scene.create(id=image_id, name=f"image {n}", visibility="private", **refers)
        scene.glances["R1"].upload(image_id, b"data")
    return ids


def plan(scene, kind, ids):
    for glance in scene.glances.values():
        glance.calls.clear()
    items = scene.plan_sets(SETS[kind](ids))
    # Of an image that is planned again in the same batch the last row is stored.
    return {item.resource: item for item in items}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", range(1, REFERENCE_DEPTH + 1))
@pytest.mark.parametrize("kind", SETS)
def test_a_chain_of_a_few_is_brought_along_each_after_the_next(scene, kind, length, reverse):
    ids = chain(scene, length, reverse=reverse)
    items = plan(scene, kind, ids)
    assert [items[image_id].action for image_id in ids] == ["create"] * len(ids)
    assert [items[image_id].rank for image_id in reversed(ids)] == list(range(length + 1))
    for image_id, other in pairwise(ids):
        assert items[image_id].work.references == {"kernel_id": other}


@pytest.mark.parametrize("length", [REFERENCE_DEPTH + 1, 60])
@pytest.mark.parametrize("kind", HEADS)
def test_the_head_of_a_longer_chain_fails_and_says_why(scene, kind, length):
    ids = chain(scene, length)
    items = plan(scene, kind, ids)
    assert items.keys() == {*ids[: REFERENCE_DEPTH + 1]}
    for image_id, other in pairwise(ids[: REFERENCE_DEPTH + 2]):
        outcome = items[image_id].outcome
        assert outcome.reason == "dependency_failed"
        assert f"kernel_id names image {other}" in outcome.message
        assert outcome.message.endswith(SENTENCE)


def test_a_wildcard_brings_the_last_images_of_a_longer_chain(scene):
    ids = chain(scene, 8)
    items = plan(scene, "all", ids)
    assert [items[one].action for one in ids[-REFERENCE_DEPTH - 1 :]] == ["create"] * 4
    for image_id in ids[: -REFERENCE_DEPTH - 1]:
        assert items[image_id].outcome.reason == "dependency_failed"
        assert items[image_id].outcome.message.endswith(SENTENCE)


@pytest.mark.parametrize("kind", SETS)
def test_six_hundred_images_take_no_more_calls_than_a_few(scene, kind):
    """Nor does their plan recurse."""
    ids = chain(scene, 600)
    items = plan(scene, kind, ids)
    if kind == "all by their ids":
        assert [items[one].rank for one in reversed(ids)] == list(range(601))
    else:
        assert items[ids[0]].outcome.message.endswith(SENTENCE)
    # A wildcard asks the target for a hundred missing images at a time, visible and hidden ones.
    most = {"all": 10 + 2 * 7, "all by their ids": 40}.get(kind, 20)
    assert scene.glances["R1"].count()["list"] <= most
    assert scene.glances["R2"].count()["list"] <= most


@pytest.mark.parametrize("ends_with", [0, 1])
@pytest.mark.parametrize("kind", SETS)
def test_a_circle_ends(scene, kind, ends_with):
    ids = chain(scene, 1, ends_with=ends_with)
    items = plan(scene, kind, ids)
    assert items.keys() == {*ids}
    if kind == "all" and ends_with == 0:
        assert items[ids[0]].outcome.message.endswith(SENTENCE)


@pytest.mark.parametrize("depth", range(1, REFERENCE_DEPTH + 1))
@pytest.mark.parametrize("kind", SETS)
def test_the_images_of_a_chain_are_those_that_are_meant(scene, kind, depth):
    """One of them is somebody else's in the target, and nothing that needs it is created."""
    ids = chain(scene, REFERENCE_DEPTH)
    scene.images("R2", OTHER).create({"id": ids[depth], "visibility": "community"})
    items = plan(scene, kind, ids)
    assert items[ids[depth]].outcome.reason == "owner_conflict"
    for image_id in ids[:depth]:
        assert items[image_id].outcome.reason == "dependency_failed"


@pytest.mark.parametrize("kind", SETS)
def test_a_chain_that_is_there_needs_nothing(scene, kind):
    ids = chain(scene, REFERENCE_DEPTH)
    for item in plan(scene, kind, ids).values():
        assert scene.apply(item).reason == "created"
    items = plan(scene, kind, ids)
    assert {item.outcome.reason for item in items.values()} <= {"no_data"}


def test_an_image_that_is_in_sync_needs_no_chain(scene):
    """The target has the second image of a long one."""
    ids = chain(scene, 10)
    second = scene.glances["R1"].peek(ids[1])
    scene.create("R2", **fields.record_for(second, "R1", RULES, image_id=ids[1]))
    items = plan(scene, "the head by its id", ids)
    assert items[ids[0]].action == "create"
