"""Quotas of a region that are lower than those of the source."""

import dataclasses

import pytest

from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import AFTER, HALF_MADE, refused, unavailable
from kingbird.tests.unit.sync.scene import Scene

HASH = {fields.SOURCE_HASH}
REST = {fields.SOURCE_REGION, fields.SOURCE_ID}


@pytest.fixture
def scene():
    return Scene()


def active(scene, properties=4, **more):
    image = scene.create(**{f"p{n}": "v" for n in range(properties)}, **more)
    return scene.glances["R1"].upload(image["id"], b"data")


def limit(scene, region="R2", **quotas):
    glance = scene.glances[region]
    glance.quotas = dataclasses.replace(glance.quotas, **quotas)


def marks_of(scene, image, region="R2"):
    copy = scene.glances[region].peek(image["id"])
    assert all(copy[name] == image[name] for name in image if name.startswith("p"))
    return copy.keys() & fields.PROVENANCE


@pytest.mark.parametrize(
    ("quota", "left", "posts"), [(7, HASH | REST, 1), (6, REST, 2), (5, set(), 3), (4, set(), 3)]
)
def test_provenance_gives_way_the_hash_first(scene, quota, left, posts):
    image = active(scene)
    limit(scene, properties=quota)
    (outcome,) = scene.sync(image["id"])
    assert (outcome.reason, outcome.target_resource) == ("created", image["id"])
    assert marks_of(scene, image) == left
    assert scene.glances["R2"].count()["create"] == posts
    (item,) = scene.plan(image["id"])
    assert item.outcome.reason == "no_data"


def test_each_region_has_its_own_quota(scene):
    image = active(scene)
    limit(scene, "R2", properties=6)
    scene.sync(image["id"], targets=("R2", "R3"))
    assert marks_of(scene, image, "R2") == REST
    assert marks_of(scene, image, "R3") == HASH | REST
    assert scene.glances["R3"].count()["create"] == 1


def test_a_region_is_asked_once_what_its_quota_is(scene):
    """The next records of the same task come with as much provenance as was taken before."""
    images = [active(scene, name=f"{n}") for n in range(5)]
    small = active(scene, properties=1)
    limit(scene, properties=5)
    apply = scene.applier("R2")
    for item in scene.plan(*(image["id"] for image in images), small["id"]):
        assert apply.create(item.resource, "R1", item.work).reason == "created"
    assert scene.glances["R2"].count()["create"] == 3 + 4 + 1
    assert marks_of(scene, small) == HASH | REST


@pytest.mark.parametrize("hidden", ["properties", "tags"])
def test_what_is_the_images_own_is_never_left_out(scene, hidden):
    image = active(scene, tags=["a", "b", "c"])
    limit(scene, **{hidden: 2})
    (outcome,) = scene.sync(image["id"])
    assert (outcome.status, outcome.reason) == ("FAILURE", "quota")
    number = {"properties": 4, "tags": 3}[hidden]
    assert f"allowed image {hidden}. Attempted: {number}, Maximum: 2" in outcome.message
    assert not scene.glances["R2"].ids


def test_another_quota_says_nothing_about_properties(scene):
    image, other = active(scene), active(scene)
    apply = scene.applier("R2")
    scene.glances["R2"].fail("create", refused(413, "Too many images."), times=3)
    outcomes = [
        apply.create(item.resource, "R1", item.work)
        for item in scene.plan(image["id"], other["id"])
    ]
    assert [one.reason for one in outcomes] == ["quota", "created"]
    assert outcomes[0].message == "Too many images."
    assert marks_of(scene, other) == HASH | REST


@pytest.mark.parametrize("quota", [6, 5])
@pytest.mark.parametrize("when", [AFTER, HALF_MADE])
def test_a_lost_answer_to_a_record_with_less_provenance(scene, quota, when):
    """Complete the tags, or report them where nothing tells whose record it is."""
    image = active(scene, tags=["a"])
    limit(scene, properties=quota)
    (item,) = scene.plan(image["id"])
    scene.glances["R2"].fail(
        "create",
        lambda body: unavailable(500) if fields.count_properties(body) <= quota else None,
        when=when,
    )
    outcome = scene.apply(item)
    tags = scene.glances["R2"].peek(image["id"])["tags"]
    if quota == 6:
        assert (outcome.reason, tags) == ("created", ["a"])
    elif when == AFTER:
        assert (outcome.reason, tags) == ("no_data", ["a"])
    else:
        assert (outcome.reason, tags) == ("drift", [])
        assert "tags" in outcome.message


def test_a_forced_copy_is_found_without_its_provenance(scene):
    image = active(scene)
    limit(scene, properties=4)
    (outcome,) = scene.sync(image["id"], force=True)
    assert outcome.reason == "created"
    assert not scene.glances["R2"].peek(outcome.target_resource).keys() & fields.PROVENANCE
    for force in (False, True):
        (item,) = scene.plan(image["id"], force=force)
        assert (item.outcome.reason, item.target_resource) == ("no_data", outcome.target_resource)


# Updates.


def follow(scene, image):
    updating = SyncSet((image["id"],), ("R1",), ("R2",), updates=True)
    (item,) = scene.plan_sets(updating)
    return scene.apply(item)


@pytest.mark.parametrize(("added", "left"), [(1, HASH | REST), (2, REST), (3, set()), (4, set())])
def test_provenance_gives_way_to_an_update(scene, added, left):
    image = active(scene)
    limit(scene, properties=8)
    scene.sync(image["id"])
    more = [{"op": "add", "path": f"/q{n}", "value": "v"} for n in range(added)]
    image = scene.images("R1").update(image["id"], more)
    scene.glances["R2"].calls.clear()
    assert follow(scene, image).reason == "updated"
    assert marks_of(scene, image) == left
    assert all(scene.glances["R2"].peek(image["id"])[f"q{n}"] == "v" for n in range(added))
    if added == 1:
        assert scene.glances["R2"].count() == {"list": 2, "update": 1}


def test_an_update_beyond_the_quota_changes_nothing(scene):
    image = active(scene)
    limit(scene, properties=7)
    scene.sync(image["id"])
    more = [{"op": "add", "path": f"/q{n}", "value": "v"} for n in range(4)]
    image = scene.images("R1").update(image["id"], more)
    before = scene.glances["R2"].peek(image["id"])
    outcome = follow(scene, image)
    assert (outcome.reason, outcome.target_resource) == ("quota", image["id"])
    assert "Attempted: 8, Maximum: 7" in outcome.message
    assert scene.glances["R2"].peek(image["id"]) == before
