"""Drift that is to be mended, and members that are to be copied."""

import dataclasses

import pytest

from kingbird import exception
from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.sync.scene import ADMIN, DEMO, OTHER, RULES, Scene
from kingbird.text import quote


@pytest.fixture
def scene():
    return Scene()


def copied(scene, image, **changes):
    record = fields.record_for(image, "R1", RULES, image_id=image["id"])
    return scene.images("R2").create({**record, **changes})


def follow(scene, image, *, prunes=False, caller=None):
    one = SyncSet((image["id"],), ("R1",), ("R2",), updates=True, prunes=prunes)
    (item,) = scene.plan_sets(one, caller=caller)
    return item


def test_one_patch_makes_a_copy_follow_its_source(scene):
    image = scene.create(
        name="new", min_disk=3, tags=["b", "a"], os_distro="debian", protected=True
    )
    copied(scene, image, name="old", min_disk=0, tags=["c"], os_distro="fedora", mine="stays")
    item = follow(scene, image)
    outcome = scene.apply(item)
    assert (item.action, outcome.reason) == ("update", "updated")
    after = scene.glances["R2"].peek(image["id"])
    assert {name: after[name] for name in ("name", "min_disk", "os_distro", "protected")} == {
        "name": "new",
        "min_disk": 3,
        "os_distro": "debian",
        "protected": True,
    } | {"protected": after["protected"]}
    assert sorted(after["tags"]) == ["a", "b"]
    assert after["mine"] == "stays"
    assert scene.glances["R2"].count()["update"] == 1
    assert follow(scene, image).outcome.reason == "in_sync"


def test_an_update_without_changes_asks_nothing_and_tells_nothing_of_the_region(scene):
    image = scene.create(name="new")
    copied(scene, image, name="old")
    item = follow(scene, image)
    assert scene.apply(item).region_contacted
    scene.glances["R2"].calls.clear()
    for left in ([], ["disk_format"]):
        work = dataclasses.replace(item.work, changes=[], left=left)
        assert not scene.apply(dataclasses.replace(item, work=work)).region_contacted
    assert not scene.glances["R2"].calls


def test_odd_property_names_are_escaped(scene):
    image = scene.create(**{"a/b~c": "v"})
    copied(scene, image, **{"a/b~c": "old"})
    assert scene.apply(follow(scene, image)).reason == "updated"
    assert scene.glances["R2"].peek(image["id"])["a/b~c"] == "v"


def test_what_the_source_does_not_set_is_set_back(scene):
    image = scene.images("R1").create({"visibility": "private"})
    scene.images("R2").create(
        {
            "id": image["id"],
            "name": "x",
            "min_ram": 5,
            "tags": ["t"],
            "visibility": "private",
            "disk_format": "raw",
            "container_format": "bare",
        }
    )
    assert scene.apply(follow(scene, image)).reason == "updated"
    after = scene.glances["R2"].peek(image["id"])
    assert [after[k] for k in ("name", "min_ram", "tags", "disk_format")] == [None, 0, [], None]


def test_pruning_takes_off_what_only_the_target_has(scene):
    image = scene.create()
    copied(scene, image, extra="1", instance_uuid="bound")
    assert follow(scene, image).outcome.reason == "in_sync"
    item = follow(scene, image, prunes=True)
    assert item.work.changes == [{"op": "remove", "path": "/extra"}]
    assert scene.apply(item).reason == "updated"
    after = scene.glances["R2"].peek(image["id"])
    assert "extra" not in after
    assert after["instance_uuid"] == "bound", "what is not copied is not touched"
    assert after[fields.SOURCE_ID] == image["id"], "nor is provenance"


def test_formats_of_an_image_with_data_stay_and_are_reported(scene):
    image = scene.create(disk_format="qcow2", name="new")
    copied(scene, image, disk_format="raw", name="old")
    scene.glances["R2"].upload(image["id"], b"data")
    outcome = scene.apply(follow(scene, image))
    assert outcome.reason == "drift"
    assert outcome.message == (
        "Differs from the image in R1 in: disk_format, which can't be changed in an image that "
        "has data; the rest follows"
    )
    assert scene.glances["R2"].peek(image["id"])["name"] == "new"
    item = follow(scene, image)
    assert (item.action, item.outcome.reason) == ("none", "drift")
    assert "can't be changed" in item.outcome.message


#: Names that Glance takes for others in a PATCH: with blanks, or of attributes of its objects.
UNNAMED = ["owner ", "\nname", " ", "a\u2028", "base", "delete", "image_id", "__class__"]


@pytest.mark.parametrize("name", UNNAMED)
def test_a_property_that_a_patch_can_not_name_stays_and_is_reported(scene, name):
    image = scene.create(**{"min_ram": 1, name: "new"})
    copy = copied(scene, image, **{"min_ram": 2, name: "old"})
    outcome = scene.apply(follow(scene, image))
    assert outcome.reason == "drift"
    assert outcome.message == (
        f"Differs from the image in R1 in: {quote(name)}, which Glance does not change under this "
        "name; "
        "the rest follows"
    )
    after = scene.glances["R2"].peek(image["id"])
    assert after == {**copy, "min_ram": 1, "updated_at": after["updated_at"]}
    item = follow(scene, image)
    assert (item.action, item.outcome.reason) == ("none", "drift")


@pytest.mark.parametrize("name", UNNAMED)
def test_a_property_that_a_patch_can_not_name_is_not_pruned(scene, name):
    image = scene.create()
    copy = copied(scene, image, **{name: "1", "extra": "1"})
    assert follow(scene, image).outcome.reason == "in_sync"
    assert scene.apply(follow(scene, image, prunes=True)).reason == "drift"
    after = scene.glances["R2"].peek(image["id"])
    assert {**after, "extra": "1"} == {**copy, "updated_at": after["updated_at"]}
    item = follow(scene, image, prunes=True)
    assert (item.action, item.outcome.reason, item.target_resource) == (
        "none",
        "drift",
        copy["id"],
    )


@pytest.mark.parametrize("status", ["saving", "uploading"])
def test_formats_of_an_image_whose_data_arrive_stay_too(scene, status):
    image = scene.create(disk_format="qcow2", name="new")
    copied(scene, image, disk_format="raw", name="old")
    scene.glances["R2"].set_status(image["id"], status)
    assert scene.apply(follow(scene, image)).reason == "drift"
    after = scene.glances["R2"].peek(image["id"])
    assert (after["disk_format"], after["name"]) == ("raw", "new")


def test_an_image_that_changed_meanwhile_is_looked_at_once(scene):
    image = scene.create(name="new", min_disk=1)
    copied(scene, image, name="old", min_disk=2, extra="1")
    item = follow(scene, image, prunes=True)
    # Without the property its removal conflicts.
    scene.images("R2").update(image["id"], [{"op": "remove", "path": "/extra"}])
    assert scene.apply(item).reason == "updated"
    assert scene.glances["R2"].peek(image["id"])["name"] == "new"
    assert scene.glances["R2"].count()["get"] == 1


def test_data_that_came_meanwhile_keep_their_formats(scene):
    image = scene.create(disk_format="qcow2", name="new")
    copied(scene, image, disk_format="raw", name="old")
    item = follow(scene, image)
    scene.glances["R2"].upload(image["id"], b"data")
    assert scene.apply(item).reason == "drift"
    assert scene.glances["R2"].peek(image["id"])["name"] == "new"


def test_an_image_that_went_meanwhile(scene):
    image = scene.create(name="new")
    copied(scene, image, name="old")
    item = follow(scene, image)
    scene.glances["R2"].delete(image["id"])
    outcome = scene.apply(item)
    assert outcome.reason == "id_taken"
    assert outcome.unusable == ((image["id"], "id_taken"),)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refused(401), "credentials_rejected"),
        (refused(403), "forbidden"),
        (refused(413), "quota"),
        (refused(400), "invalid"),
        (unavailable(), "region_unavailable"),
        (exception.CredentialsLost("No token."), "forbidden"),
    ],
)
def test_what_glance_says_to_a_patch(scene, error, reason):
    image = scene.create(name="new")
    copied(scene, image, name="old")
    item = follow(scene, image)
    scene.glances["R2"].fail("update", error, times=None)
    assert scene.apply(item).reason == reason


def test_a_patch_whose_answer_was_lost_is_made_again(scene):
    image = scene.create(name="new")
    copied(scene, image, name="old")
    item = follow(scene, image)
    scene.glances["R2"].fail("update", unavailable(None), when="after")
    assert scene.apply(item).reason == "updated"


# Members.


@pytest.fixture
def admin(scene):
    return scene.caller(ADMIN, is_admin=True)


def shared(scene, **members):
    image = scene.create(visibility="shared")
    for project, status in members.items():
        scene.glances["R1"].share(image["id"], project, status)
    return image


def test_members_are_copied_with_their_status_by_an_admin(scene, admin):
    image = shared(scene, one="accepted", two="pending", three="rejected")
    (item,) = scene.plan(image["id"], caller=admin)
    assert not scene.glances["R1"].count()["members"], "they are read while others are written"
    outcome = scene.apply(item, admin)
    assert (outcome.reason, outcome.message) == ("created", None)
    assert scene.glances["R2"].shares(image["id"]) == {
        "one": "accepted",
        "two": "pending",
        "three": "rejected",
    }
    assert scene.glances["R2"].count()["share"] == 3
    assert scene.glances["R2"].count()["accept"] == 2


def test_a_member_learns_what_members_have_to_do(scene):
    image = shared(scene, one="accepted", two="pending")
    (outcome,) = scene.sync(image["id"])
    assert outcome.reason == "created"
    assert outcome.message == "Members have to set their status themselves: one (accepted)"
    assert scene.glances["R2"].shares(image["id"]) == {"one": "pending", "two": "pending"}
    assert not scene.glances["R2"].count()["accept"]


def test_members_are_read_where_a_shared_image_is_missing(scene):
    image = shared(scene, one="pending")
    private = scene.create(visibility="private")
    scene.sync(image["id"], private["id"])
    assert scene.glances["R1"].count()["members"] == 1
    scene.sync(image["id"])
    assert scene.glances["R1"].count()["members"] == 1, "nothing is missing any more"


def test_members_of_a_half_made_image_are_not_posted_twice(scene, admin):
    image = shared(scene, one="accepted")
    (item,) = scene.plan(image["id"], caller=admin)
    scene.apply(item, admin)
    assert scene.apply(item, admin).message is None
    assert scene.glances["R2"].shares(image["id"]) == {"one": "accepted"}


def test_members_that_can_not_be_listed_or_added_are_said(scene, admin):
    image = shared(scene, one="accepted")
    scene.glances["R1"].fail("members", refused(403, "Not yours."), times=1)
    (item,) = scene.plan(image["id"], caller=admin)
    assert "could not be listed in R1: Not yours." in scene.apply(item, admin).message

    other = shared(scene, one="accepted")
    (item,) = scene.plan(other["id"], caller=admin)
    scene.glances["R2"].fail("share", refused(413, "Too many."), times=1)
    outcome = scene.apply(item, admin)
    assert (outcome.reason, outcome.message) == ("created", "Not shared with: one (Too many.)")


def test_an_update_to_shared_copies_members(scene, admin):
    image = shared(scene, one="accepted")
    copied(scene, image, visibility="private")
    item = follow(scene, image, caller=admin)
    assert scene.apply(item, admin).reason == "updated"
    assert scene.glances["R2"].shares(image["id"]) == {"one": "accepted"}


@pytest.mark.parametrize("visibility", ["shared", "private"])
def test_a_copy_that_appeared_after_the_plan_gets_members_only_if_it_becomes_shared(
    scene, admin, visibility
):
    """Its owner may have taken the members off."""
    image = shared(scene, one="accepted")
    updating = SyncSet((image["id"],), ("R1",), ("R2",), updates=True)
    (item,) = scene.plan_sets(updating, caller=admin)
    copied(scene, image, name="old", visibility=visibility)
    assert scene.apply(item, admin).reason == "updated"
    members = {} if visibility == "shared" else {"one": "accepted"}
    assert scene.glances["R2"].shares(image["id"]) == members


def test_a_forced_private_copy_has_no_members(scene):
    image = scene.create(owner=OTHER, visibility="shared")
    scene.glances["R1"].share(image["id"], DEMO, "accepted")
    (outcome,) = scene.sync(image["id"], force=True)
    assert outcome.reason == "created"
    assert not scene.glances["R1"].count()["members"]


def test_a_region_that_is_away_is_not_asked_for_each_member(scene, admin):
    image = shared(scene, one="accepted", three="accepted", two="accepted")
    (item,) = scene.plan(image["id"], caller=admin)
    scene.retry = Scene(retry_timeout=0).retry
    fail_from_the_second(scene.glances["R2"])
    outcome = scene.apply(item, admin)
    assert outcome.reason == "created"
    assert outcome.message == (
        "Not shared with: three (The image service of region R2 can't be used at the moment "
        "(HTTP 503: The image service is away)), 1 others"
    )
    assert scene.glances["R2"].shares(image["id"]) == {"one": "accepted"}
    assert scene.glances["R2"].count()["share"] == 2


def fail_from_the_second(glance):
    calls = []

    def error(detail):
        calls.append(detail)
        return unavailable() if len(calls) > 1 else None

    glance.fail("share", error, times=None)


def test_no_more_members_are_copied_than_an_image_may_have(scene, admin, monkeypatch):
    monkeypatch.setattr("kingbird.sync.members.MAX_MEMBERS", 2)
    image = shared(scene, one="accepted", three="accepted", two="accepted")
    (item,) = scene.plan(image["id"], caller=admin)
    outcome = scene.apply(item, admin)
    assert outcome.message == "1 of its members are not copied"
    assert scene.glances["R2"].shares(image["id"]).keys() == {"one", "three"}
