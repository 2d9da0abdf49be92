"""Forced copies in plans by id: their ids, and how they are found again."""

import pytest

from kingbird.sync import image as fields
from kingbird.tests.unit.sync.plan.by_id import copy_of, reasons
from kingbird.tests.unit.sync.scene import DEMO, OTHER, RULES, Scene


@pytest.fixture
def scene():
    return Scene()


def test_force_uses_another_id_also_beside_a_copy(scene):
    image = scene.create()
    copy_of(scene, image)
    (item,) = scene.plan(image["id"], force=True)
    assert item.target_resource == fields.forced_id(image["id"], "R2", 1)
    assert item.work.record[fields.FORCED] == "true"


def test_a_forced_copy_counts_as_the_images_copy(scene):
    image = scene.create()
    scene.sync(image["id"], force=True)
    (item,) = scene.plan(image["id"])
    assert item.outcome.reason == "in_sync"
    assert item.target_resource == fields.forced_id(image["id"], "R2", 1)
    (again,) = scene.plan(image["id"], force=True)
    assert again.outcome.reason == "in_sync"


def test_a_forced_copy_settles_an_owner_conflict(scene):
    image = scene.create()
    scene.images("R2", OTHER).create({"id": image["id"], "visibility": "community"})
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "owner_conflict")]
    scene.sync(image["id"], force=True)
    assert reasons(scene.plan(image["id"])) == [("R2", "none", "in_sync")]


def test_an_id_for_forced_copies_that_somebody_took_is_passed_over(scene):
    image = scene.create()
    taken = fields.forced_id(image["id"], "R2", 1)
    scene.images("R2", OTHER).create({"id": taken, "visibility": "community"})
    (item,) = scene.plan(image["id"], force=True)
    assert item.target_resource == fields.forced_id(image["id"], "R2", 2)
    scene.apply(item)
    (again,) = scene.plan(image["id"], force=True)
    assert again.outcome.reason == "in_sync"


#: How an earlier id of a forced copy was used when the copy was made, and is free by now.
FORMER = {
    "deleted": lambda scene, taken: scene.images("R2").create({"id": taken}),
    "somebody's private image": lambda scene, taken: scene.images("R2", OTHER).create(
        {"id": taken, "visibility": "private"}
    ),
}


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("others", [0, 4, 150])
@pytest.mark.parametrize("purged", [False, True])
@pytest.mark.parametrize("former", FORMER.values(), ids=FORMER)
def test_the_number_of_a_forced_copy_needs_no_memory(scene, former, purged, others, hidden):
    """Find the copy whatever became of the ids before it, also among many images."""
    image = scene.create(os_hidden=hidden)
    first, second = (fields.forced_id(image["id"], "R2", n) for n in (1, 2))
    former(scene, first)
    if scene.glances["R2"].peek(first)["owner"] == DEMO:
        scene.glances["R2"].delete(first)
    (outcome,) = scene.sync(image["id"], force=True)
    assert (outcome.reason, outcome.target_resource) == ("created", second)
    if first in scene.glances["R2"].ids:
        scene.glances["R2"].delete(first)
    if purged:
        scene.glances["R2"].purge()
    names = [scene.create(name=f"n{n}")["id"] for n in range(others)]
    for force in (False, True):
        item = scene.plan(image["id"], *names, force=force)[0]
        assert (item.outcome.reason, item.target_resource) == ("in_sync", second)


@pytest.mark.parametrize("count", [4, 5, 6])
def test_forced_copies_are_found_beside_copies_under_the_own_ids(scene, count):
    images = [scene.create(name=f"n{n}") for n in range(count)]
    ids = [image["id"] for image in images]
    for image in images:
        copy_of(scene, image)
    made = {one.target_resource for one in scene.sync(*ids, force=True)}
    items = scene.plan(*ids, force=True)
    assert {item.outcome.reason for item in items} == {"in_sync"}
    assert {item.target_resource for item in items} == made


def test_a_region_with_more_forced_copies_than_a_page_is_asked_for_ids(scene, monkeypatch):
    monkeypatch.setattr("kingbird.clients.glance.PAGE_SIZE", 2)
    images = [scene.create(name=f"n{n}") for n in range(6)]
    ids = [image["id"] for image in images]
    scene.images("R2").create({"id": fields.forced_id(ids[0], "R2", 1), "visibility": "private"})
    scene.glances["R2"].delete(fields.forced_id(ids[0], "R2", 1))
    made = {one.target_resource for one in scene.sync(*ids, force=True)}
    assert fields.forced_id(ids[0], "R2", 2) in made
    scene.glances["R2"].purge()
    items = scene.plan(*ids, force=True)
    assert {item.outcome.reason for item in items} == {"in_sync"}
    assert {item.target_resource for item in items} == made


@pytest.mark.parametrize("others", [0, 5])
@pytest.mark.parametrize("visibility", ["community", "public"])
def test_a_members_forced_copy_is_found_beside_the_owners(scene, visibility, others):
    """Find the own copy under the second id, as the image's owner has the first."""
    image = scene.create(owner=OTHER, visibility=visibility)
    record = fields.record_for(
        image, "R1", RULES, image_id=fields.forced_id(image["id"], "R2", 1), forced=True
    )
    scene.images("R2", OTHER, is_admin=True).create(record)
    names = [scene.create(name=f"n{n}")["id"] for n in range(others)]
    second = fields.forced_id(image["id"], "R2", 2)
    for reason in ("created", "in_sync", "in_sync"):
        outcome = scene.sync(image["id"], *names, force=True)[0]
        assert (outcome.reason, outcome.target_resource) == (reason, second)


def test_when_all_ids_of_forced_copies_are_taken_the_item_says_so(scene):
    image = scene.create()
    for n in range(1, fields.MAX_FORCED_IDS + 1):
        taken = fields.forced_id(image["id"], "R2", n)
        scene.images("R2", OTHER).create({"id": taken, "visibility": "community"})
    (outcome,) = scene.sync(image["id"], force=True)
    assert (outcome.reason, outcome.target_resource) == ("owner_conflict", None)


def test_an_unusable_id_is_asked_for_again_when_there_is_no_copy(scene):
    image = scene.create()
    scene.unusable["R2"] = {fields.forced_id(image["id"], "R2", 1): "id_taken"}
    (item,) = scene.plan(image["id"], force=True)
    assert item.target_resource == fields.forced_id(image["id"], "R2", 1)


def test_forged_provenance_does_not_make_an_image_ours(scene):
    image = scene.create()
    taken = fields.forced_id(image["id"], "R2", 1)
    forged = {fields.SOURCE_ID: image["id"], fields.SOURCE_REGION: "R1", fields.FORCED: "true"}
    scene.images("R2", OTHER).create({"id": taken, "visibility": "community", **forged})
    (item,) = scene.plan(image["id"], force=True)
    assert item.target_resource == fields.forced_id(image["id"], "R2", 2)
