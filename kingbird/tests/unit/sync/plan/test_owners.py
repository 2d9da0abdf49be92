"""Test images of several owners under one id: the owner of the oldest copy has the id."""

import uuid

import pytest

from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.scene import ADMIN, DEMO, OTHER, Scene

ALL3 = ("R1", "R2", "R3")
FIRST, LATER = OTHER, "5" * 32


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def admin(scene):
    return scene.caller(ADMIN, is_admin=True)


def two_owners(scene, *, first="R1", first_data=None, later_data=b"later", **fields):
    """Make an image, and a later one of another owner under its id in R2; return the id."""
    image_id = str(uuid.uuid4())
    shared = {"id": image_id, "visibility": "community", **fields}
    scene.create_in(2020, first, first_data, owner=FIRST, name="first", **shared)
    scene.create_in(2021, "R2", later_data, owner=LATER, name="later", **shared)
    return image_id


def outcomes(items):
    return {
        item.target_region: (
            item.work.owner if item.work else None,
            item.outcome and item.outcome.reason,
        )
        for item in items
    }


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("sources", [("R1", "R2"), ("R2", "R1"), ALL3])
def test_by_id_an_older_image_without_data_is_the_source(scene, admin, sources, dry_run):
    image_id = two_owners(scene)
    one = SyncSet((image_id,), sources, ("R2", "R3"), preferred=sources, dry_run=dry_run)
    found = outcomes(scene.plan_sets(one, caller=admin))
    assert found["R2"] == (None, "owner_conflict")
    assert found["R3"] == ((None, "missing") if dry_run else (FIRST, None))


@pytest.mark.parametrize("force", [False, True])
def test_a_member_gets_the_older_image_of_others_too(scene, force):
    image_id = two_owners(scene)
    one = SyncSet((image_id,), ("R2", "R1"), ("R3",), force)
    (item,) = scene.plan_sets(one)
    assert item.source_region == "R1"
    assert (item.work.record["name"] == "first") if force else item.outcome.reason == "not_owner"


def test_a_members_own_image_comes_before_an_older_one(scene):
    image_id = str(uuid.uuid4())
    scene.create_in(2020, "R1", b"x", id=image_id, owner=OTHER, visibility="public")
    scene.create_in(2021, "R2", id=image_id, name="mine", visibility="private")
    for ids in ((image_id,), ("*",)):
        one = SyncSet(ids, ("R1", "R2"), ("R3",), filters={"statuses": ["queued", "active"]})
        (item,) = scene.plan_sets(one)
        assert (item.source_region, item.work.owner) == ("R2", DEMO)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("statuses", [("active",), ("active", "queued")])
@pytest.mark.parametrize("first", ["R1", "R3"])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("targets", [ALL3, ("R0",)])
def test_a_wildcard_never_copies_a_later_owners_image(
    scene, admin, targets, hidden, first, statuses, dry_run
):
    """Copy the older image if it is selected, and none otherwise."""
    scene.glances["R0"] = Scene().glances["R1"]
    scene.glances["R0"].region = "R0"
    two_owners(scene, first=first, os_hidden=hidden)
    one = SyncSet(
        ("*",),
        ALL3,
        targets,
        all_projects=True,
        filters={"statuses": statuses},
        dry_run=dry_run,
    )
    found = outcomes(scene.plan_sets(one, caller=admin))
    if "queued" in statuses:
        copied = (None, "missing") if dry_run else (FIRST, None)
    else:
        copied = (None, "owner_conflict")
    if targets == ALL3:
        (left,) = {"R1", "R3"} - {first}
        # Where one of the two is, the other can't be.
        other = "R2" if "queued" in statuses else first
        assert found == {left: copied, other: (None, "owner_conflict")}
    else:
        assert found == {"R0": copied}


def test_an_image_that_is_not_copied_says_where_the_older_one_is(scene, admin):
    two_owners(scene)
    one = SyncSet(("*",), ("R1", "R2"), ("R3",), all_projects=True)
    (item,) = scene.plan_sets(one, caller=admin)
    assert (item.source_region, item.outcome.status) == ("R2", "FAILURE")
    assert item.outcome.message == (
        "The image with this id in R1 is older and belongs to another project, so the one in R2 "
        "is not copied"
    )


def test_a_set_that_selects_a_later_image_holds_up_no_other_set(scene, admin):
    """Let a set copy the older image though an earlier set selects the later one."""
    two_owners(scene, first_data=b"first")
    sets = [
        SyncSet(("*",), ("R1", "R2"), ("R3",), all_projects=True, filters={"name": name})
        for name in ("later", "first")
    ]
    assert outcomes(scene.plan_sets(*sets, caller=admin)) == {"R3": (FIRST, None)}


def test_a_retry_says_the_same(scene, admin):
    image_id = two_owners(scene)
    retried = SyncSet((image_id,), ("R1", "R2"), ("R3",), all_projects=True, selects=True)
    found = outcomes(scene.plan_sets(retried, caller=admin))
    assert found == {"R3": (None, "owner_conflict")}


def test_glance_lists_all_owners_only_where_they_matter(scene, admin):
    """Ask regions that are sources only for what is selected, unless owners are at stake."""
    filters = {"name": "x"}
    for sources, all_projects, complete in (
        (("R1",), True, False),
        (("R1", "R2"), False, False),
        (("R1", "R2"), True, True),
    ):
        scene.glances["R1"].calls.clear()
        one = SyncSet(("*",), sources, ("R3",), all_projects=all_projects, filters=filters)
        scene.plan_sets(one, caller=admin)
        asked = [query for name, query in scene.glances["R1"].calls if name == "list"]
        assert len(asked) == 2
        assert all(("name" not in query) is complete for query in asked)
