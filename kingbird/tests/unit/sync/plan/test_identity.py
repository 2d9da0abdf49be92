"""An image that has the id of a referenced one is it, or is somebody else's."""

import pytest

from kingbird.states import Reason
from kingbird.sync import image as fields
from kingbird.sync.item import Item
from kingbird.sync.outcome import Outcome
from kingbird.sync.plan.identity import Reference

ME, YOU, THEM = "me", "you", "them"
HOME = {
    **{"id": "k", "owner": YOU, "visibility": "public", "status": "active"},
    **{"os_hash_algo": "sha512", "os_hash_value": "x"},
}


def reference(origin=HOME):
    return Reference("k", "R1", origin, owner=YOU, project=ME)


def copy(**more):
    return {**HOME, **more}


def forced(n=1, **more):
    image_id = fields.forced_id("k", "R2", n)
    return copy(**{"id": image_id, "owner": ME, fields.SOURCE_ID: "k", **more})


def other(**more):
    return copy(**{"os_hash_value": "y", **more})


@pytest.mark.parametrize(
    ("origin", "image", "matches"),
    [
        (HOME, copy(), True),
        (HOME, copy(owner=THEM), False),
        (HOME, other(), False),
        (HOME, other(status="queued"), True),
        # Its Glance has converted them.
        (HOME, other(**{fields.SOURCE_ID: "k", fields.SOURCE_HASH: "sha512:x"}), True),
        (HOME, other(**{fields.SOURCE_ID: "k", fields.SOURCE_HASH: "sha512:z"}), False),
        # The source region has no such image any more.
        (None, copy(owner=THEM), True),
        (None, copy(owner=THEM, visibility="community"), False),
        (None, other(visibility="private"), True),
        (None, copy(owner=ME, visibility="private"), True),
    ],
)
def test_an_image_with_the_id(origin, image, matches):
    assert reference(origin).matches(image) == matches


@pytest.mark.parametrize(
    ("origin", "images", "found"),
    [
        (HOME, [], None),
        (HOME, [copy()], "k"),
        (HOME, [copy(owner=THEM)], None),
        (HOME, [copy(owner=THEM), forced()], fields.forced_id("k", "R2", 1)),
        (HOME, [copy(), forced()], "k"),
        (HOME, [forced(20)], fields.forced_id("k", "R2", 20)),
        (HOME, [forced(21)], None),
        (HOME, [forced(2), forced(1)], fields.forced_id("k", "R2", 1)),
        (HOME, [forced(1, owner=YOU)], fields.forced_id("k", "R2", 1)),
        (HOME, [forced(1, owner=THEM)], None),
        (HOME, [forced(1, **{fields.SOURCE_ID: "j"})], None),
        (HOME, [forced(1, os_hash_value="y")], None),
        (None, [forced(1, os_hash_value="y")], fields.forced_id("k", "R2", 1)),
    ],
)
def test_where_an_image_is(origin, images, found):
    assert reference(origin).copy_in("R2", {one["id"]: one for one in images}) == found


MADE = Item("k", "R1", "R2", "create", "made")
FAILED = Item("k", "R1", "R2").with_outcome(Outcome(Reason.QUOTA, "Too many."))


@pytest.mark.parametrize(
    ("item", "source", "images", "expected"),
    [
        # The job brings it.
        (MADE, HOME, [], MADE),
        (MADE, HOME, [copy()], MADE),
        # The job brings another image, but the right one is there.
        (MADE, copy(owner=THEM), [copy()], ("in_sync", "k")),
        (MADE, None, [copy()], ("in_sync", "k")),
        (FAILED, HOME, [copy()], ("in_sync", "k")),
        (FAILED, HOME, [copy(owner=THEM), forced()], ("in_sync", forced()["id"])),
        (FAILED, HOME, [], FAILED),
        (FAILED, HOME, [copy(owner=THEM)], FAILED),
        (None, None, [], None),
        (None, None, [forced(1, owner=THEM)], None),
        # The id is taken there.
        (None, None, [copy(owner=THEM)], ("owner_conflict", None)),
        (None, None, [other()], ("data_conflict", None)),
        (MADE, copy(owner=THEM), [], ("owner_conflict", "made")),
        (MADE, other(), [], ("data_conflict", "made")),
    ],
)
def test_a_reference_in_a_region(item, source, images, expected):
    found = reference().resolve(item, source, "R2", {one["id"]: one for one in images})
    if expected is None or isinstance(expected, Item):
        assert found is expected
        return
    assert (found.resource, found.source_region, found.target_region) == ("k", "R1", "R2")
    assert found.outcome.reason == expected[0]
    assert found.target_resource == (expected[1] if expected[0] == "in_sync" else None)


def test_an_owner_is_unknown_where_the_source_has_no_such_image():
    found = reference(None).resolve(
        None, None, "R2", {"k": copy(owner=THEM, visibility="private")}
    )
    assert found.outcome.reason == "owner_conflict"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("not_owner", "The image belongs to another project"),
        ("source_gone", "The image can't be found in R1 any more"),
        ("region_unavailable", "The image can't be found in R1 any more"),
        ("quota", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_an_image_that_nothing_selected(reason, words, is_there):
    item = Item("k", "R1", "R2")
    if reason:
        item = item.with_outcome(Outcome(reason, "Old."))
    found = reference().came_along(item, {"k": copy()} if is_there else {})
    if words is None or not is_there:
        assert found is item
        return
    assert found.outcome == Outcome(
        "in_sync", f"{words}; the one that is in R2 is used as it is", "k"
    )
    assert found.target_resource == "k"
