"""Copies whose data or formats their own Glance changed at import."""

import pytest

from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import refused
from kingbird.tests.unit.sync.scene import DEMO, OTHER, Scene

#: Fields and data of a copy after an import.
CONVERSIONS = {
    "decompressed": ({}, b"other data"),
    "converted": ({"disk_format": "raw"}, b"other data"),
    "relabelled": ({"disk_format": "raw", "container_format": "ova"}, b"data"),
}
OPTIONS = {"report": {}, "update": {"updates": True, "prunes": True}}


@pytest.fixture(params=CONVERSIONS)
def conversion(request):
    return CONVERSIONS[request.param]


@pytest.fixture
def scene():
    return Scene()


def active(scene, region="R1", **more):
    more = {"disk_format": "qcow2", "visibility": "private", "tags": ["a"], **more}
    image = scene.create(region, **more)
    return scene.glances[region].upload(image["id"], b"data")


def arrive(scene, image_id, conversion, region="R2"):
    """Let data arrive in a copy that has none."""
    changes, data = conversion
    project = scene.glances[region].peek(image_id)["owner"]
    operations = [{"op": "add", "path": f"/{name}", "value": changes[name]} for name in changes]
    scene.images(region, project).update(image_id, operations)
    return scene.glances[region].upload(image_id, data)


def converted(scene, conversion, region="R2", **more):
    """Make an image and a copy of it that was converted."""
    image = active(scene, **more)
    scene.sync(image["id"], targets=(region,))
    arrive(scene, image["id"], conversion, region)
    return image


def sets(image, sources=("R1",), targets=("R2",), **options):
    """Return a set by id and a wildcard set."""
    preferred = options.pop("preferred", sources)
    return [
        SyncSet(resources, sources, targets, preferred=preferred, **options)
        for resources in ((image["id"],), ("*",))
    ]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_converted_copy_is_in_sync(scene, conversion, options):
    image = converted(scene, conversion)
    before = scene.glances["R2"].peek(image["id"])
    by_id, whole = sets(image, **options)
    (item,) = scene.plan_sets(by_id)
    assert (item.outcome.reason, item.target_resource) == ("in_sync", image["id"])
    assert "converted" in item.outcome.message
    assert scene.plan_sets(whole) == []
    assert scene.planner.in_sync == {"R2": 1}
    assert scene.glances["R2"].peek(image["id"]) == before


def test_a_forced_wildcard_makes_no_second_copy(scene, conversion):
    image = converted(scene, conversion)
    _, whole = sets(image, force=True)
    assert scene.plan_sets(whole) == []
    assert scene.glances["R2"].ids == {image["id"]}


def test_a_forced_copy_is_converted_too(scene, conversion):
    image = active(scene)
    (outcome,) = scene.sync(image["id"], force=True)
    arrive(scene, outcome.target_resource, conversion)
    for one in (*sets(image), *sets(image, force=True)):
        for item in scene.plan_sets(one):
            assert (item.outcome.reason, item.target_resource) == (
                "in_sync",
                outcome.target_resource,
            )
    assert scene.planner.in_sync == {"R2": 1}


def test_a_members_private_copy_of_another_projects_image_is_converted(scene, conversion):
    image = active(scene, owner=OTHER, visibility="public")
    (outcome,) = scene.sync(image["id"], force=True)
    arrive(scene, outcome.target_resource, conversion)
    (item,) = scene.plan(image["id"], force=True)
    assert (item.outcome.reason, item.target_resource) == ("in_sync", outcome.target_resource)


@pytest.mark.parametrize("case", ["decompressed", "converted"])
@pytest.mark.parametrize("preferred", [("R1",), ("R2",), ("R3",)])
def test_it_does_not_matter_which_copy_is_the_source(scene, case, preferred):
    image = converted(scene, CONVERSIONS[case])
    scene.sync(image["id"], targets=("R3",))
    arrive(scene, image["id"], ({"disk_format": "vmdk"}, b"a third way"), "R3")
    regions = ("R1", "R2", "R3")
    for one in sets(image, regions, regions, preferred=preferred):
        assert {item.outcome.reason for item in scene.plan_sets(one)} <= {"in_sync"}
    assert scene.planner.in_sync == dict.fromkeys(regions, 1)


def test_a_converted_copy_is_copied_on(scene, conversion):
    """The third region's copy keeps the provenance of the first, and has the second's formats."""
    image = converted(scene, conversion)
    scene.sync(image["id"], sources=("R2",), targets=("R3",))
    arrive(scene, image["id"], ({}, conversion[1]), "R3")
    regions = ("R1", "R2", "R3")
    for one in sets(image, regions, regions):
        assert {item.outcome.reason for item in scene.plan_sets(one)} <= {"in_sync"}


@pytest.mark.parametrize("refusal", [None, refused(409), refused(403)])
def test_other_fields_of_a_converted_copy_follow(scene, conversion, refusal):
    image = converted(scene, conversion, os_distro="plan9")
    change = [{"op": "add", "path": "/os_distro", "value": "inferno"}]
    scene.images("R2").update(image["id"], change)
    by_id, whole = sets(image)
    for one in (by_id, whole):
        (item,) = scene.plan_sets(one)
        assert (item.action, item.outcome.reason) == ("none", "drift")
        assert item.outcome.message.endswith("in: os_distro")
    (item,) = scene.plan_sets(sets(image, updates=True)[0])
    if refusal:
        # The image has changed meanwhile, so it is read and compared again.
        scene.images("R2").update(image["id"], [{"op": "add", "path": "/name", "value": "new"}])
        scene.glances["R2"].fail("update", refusal)
    assert scene.apply(item).reason == "updated"
    after = scene.glances["R2"].peek(image["id"])
    assert (after["os_distro"], after["name"]) == ("plan9", image["name"])
    assert (after["disk_format"], after["size"]) == (
        conversion[0].get("disk_format", "qcow2"),
        len(conversion[1]),
    )


#: The reason for a copy whose provenance does not tell that its data came from the source.
OTHERWISE = {
    "decompressed": "data_conflict",
    "converted": "data_conflict",
    "relabelled": "drift",
}


@pytest.mark.parametrize("case", CONVERSIONS)
@pytest.mark.parametrize("marks", ["no hash", "another image's", "no provenance", "stranger's"])
def test_provenance_has_to_say_so(scene, case, marks):
    image = active(scene)
    record = fields.record_for(image, "R1", fields.Rules(), image_id=image["id"])
    if marks == "no hash":
        del record[fields.SOURCE_HASH]
    elif marks == "another image's":
        record[fields.SOURCE_ID] = "a" * 8 + image["id"][8:]
    elif marks == "no provenance":
        record = {name: record[name] for name in record.keys() - fields.PROVENANCE}
    stranger = marks == "stranger's"
    if stranger:
        record["visibility"] = "community"
    scene.images("R2", OTHER if stranger else DEMO).create(record)
    arrive(scene, image["id"], CONVERSIONS[case])
    expected = "owner_conflict" if stranger else OTHERWISE[case]
    for one in sets(image):
        (item,) = scene.plan_sets(one)
        assert item.outcome.reason == expected


@pytest.mark.parametrize("case", CONVERSIONS)
def test_the_source_has_other_data_by_now(scene, case):
    """Somebody deleted the image, had it purged, and made it again with other data."""
    image = converted(scene, CONVERSIONS[case])
    scene.glances["R1"].delete(image["id"])
    scene.glances["R1"].purge()
    again = scene.create(id=image["id"], disk_format="qcow2", visibility="private", tags=["a"])
    scene.glances["R1"].upload(again["id"], b"newer")
    for one in sets(again):
        (item,) = scene.plan_sets(one)
        assert item.outcome.reason == "data_conflict"
    _, whole = sets(again, force=True)
    (item,) = scene.plan_sets(whole)
    assert scene.apply(item).target_resource == fields.forced_id(image["id"], "R2", 1)
    assert scene.plan_sets(whole) == []


@pytest.mark.parametrize("updates", [False, True])
def test_formats_of_a_copy_without_data_are_compared(scene, updates):
    image = active(scene)
    scene.sync(image["id"])
    change = [{"op": "add", "path": "/disk_format", "value": "raw"}]
    scene.images("R2").update(image["id"], change)
    for one in sets(image, updates=updates):
        (item,) = scene.plan_sets(one)
        assert (item.action, item.outcome and item.outcome.reason) == (
            ("update", None) if updates else ("none", "drift")
        )


@pytest.mark.parametrize("status", ["saving", "uploading", "importing"])
def test_formats_that_change_in_the_middle_of_an_import(scene, status):
    image = active(scene)
    scene.sync(image["id"])
    change = [{"op": "add", "path": "/disk_format", "value": "raw"}]
    scene.images("R2").update(image["id"], change)
    scene.glances["R2"].set_status(image["id"], status)
    for one in sets(image, updates=True):
        assert {item.outcome.reason for item in scene.plan_sets(one)} <= {"no_data"}
