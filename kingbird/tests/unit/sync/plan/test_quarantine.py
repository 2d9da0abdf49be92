"""A deactivated image is deactivated in all regions, and reactivated by its original alone."""

import pytest

from kingbird.sync import image as fields
from kingbird.sync.compare import status_to_reach
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import refused
from kingbird.tests.unit.sync.scene import ALL3, RULES, Scene

CALLS = ("create", "update", "deactivate", "reactivate")


@pytest.fixture
def scene():
    return Scene()


def copied(scene, region="R2", data=b"x", **changes):
    """Make an image with data in R1, and its copy in another region."""
    image = scene.create_in(2020, "R1", b"x", name="one")
    record = fields.record_for(image, "R1", RULES, image_id=image["id"])
    copy_of(scene, {**record, **changes}, region, data)
    return image


def copy_of(scene, record, region, data=b"x"):
    scene.images(region).create(record)
    if data:
        scene.glances[region].upload(record["id"], data)


def wildcard(*, updates=True, sources=("R1",), targets=("R2",), **options):
    return SyncSet(("*",), sources, targets, preferred=sources, updates=updates, **options)


def by_id(image, *, updates=True, sources=("R1",), **options):
    return SyncSet((image["id"],), sources, ("R2",), updates=updates, **options)


def of_event(image, **options):
    return wildcard(lenient=True, **options).limited_to([image["id"]], ["R2"])


def run(scene, one):
    items = scene.plan_sets(one)
    return [(item.target_region, (item.outcome or scene.apply(item)).reason) for item in items]


def statuses(scene, image):
    found = {name: glance.peek(image["id"]) for name, glance in scene.glances.items()}
    return {name: one["status"] for name, one in found.items() if one}


def writes(scene):
    return {name: [one for one in g.calls if one[0] in CALLS] for name, g in scene.glances.items()}


@pytest.mark.parametrize("kind", [lambda _, **o: wildcard(**o), by_id, of_event])
def test_one_call_makes_a_copy_follow_both_ways(scene, kind):
    image = copied(scene)
    for active, status, call in (
        (False, "deactivated", "deactivate"),
        (True, "active", "reactivate"),
    ):
        scene.images("R1").set_active(image["id"], active)
        scene.glances["R2"].calls.clear()
        assert run(scene, kind(image, updates=False)) == [("R2", "drift")]
        assert run(scene, kind(image)) == [("R2", "updated")]
        assert statuses(scene, image) == {"R1": status, "R2": status}
        assert writes(scene)["R2"] == [(call, image["id"])]
        assert [reason for _, reason in run(scene, kind(image))] in ([], ["in_sync"])


def test_other_fields_follow_with_it(scene):
    image = copied(scene, name="old")
    scene.images("R1").set_active(image["id"], False)
    assert run(scene, wildcard()) == [("R2", "updated")]
    # The quarantine comes first.
    assert [one[0] for one in writes(scene)["R2"]][-2:] == ["deactivate", "update"]
    assert scene.glances["R2"].peek(image["id"])["name"] == "one"


def test_the_dry_run_and_the_state_tell_both_values(scene):
    image = copied(scene)
    scene.images("R1").set_active(image["id"], False)
    (item,) = scene.plan_sets(wildcard(dry_run=True))
    assert item.outcome.message == "Would follow R1 in: status"
    (found,) = scene.planner.findings.take()[0]
    assert found.kept == "drift"
    assert found.differences == {"status": {"source": "deactivated", "target": "active"}}


@pytest.mark.parametrize("data", [None, b"x"])
def test_no_record_is_made_of_a_deactivated_image_that_nobody_named(scene, data):
    image = copied(scene, region="R3", data=data)
    scene.images("R1").set_active(image["id"], False)
    assert run(scene, wildcard(targets=("R2",))) == []
    assert run(scene, of_event(image)) == []
    assert scene.planner.in_sync == {}
    assert run(scene, by_id(image)) == [("R2", "created")]
    # A record without data needs no quarantine.
    assert run(scene, wildcard(targets=("R2",))) == []


def test_any_to_any_never_ends_the_quarantine_of_the_home(scene):
    image = copied(scene)
    record = fields.record_for(image, "R1", RULES, image_id=image["id"])
    copy_of(scene, record, "R3")
    scene.images("R1").set_active(image["id"], False)
    for sources in (ALL3, ("R3", "R2", "R1")):
        everywhere = wildcard(sources=sources, targets=ALL3)
        run(scene, everywhere)
        assert statuses(scene, image)["R1"] == "deactivated"
    run(scene, wildcard(sources=ALL3, targets=ALL3))
    assert set(statuses(scene, image).values()) == {"deactivated"}


def test_a_copy_ends_no_quarantine_while_its_home_is_away(scene):
    image = copied(scene)
    record = fields.record_for(image, "R1", RULES, image_id=image["id"])
    copy_of(scene, record, "R3")
    scene.images("R3").set_active(image["id"], False)
    run(scene, wildcard(sources=("R2",), targets=("R3",)))
    assert statuses(scene, image)["R3"] == "deactivated"
    run(scene, wildcard(sources=("R3",), targets=("R2",)))
    assert statuses(scene, image) == {"R1": "active", "R2": "deactivated", "R3": "deactivated"}
    run(scene, wildcard(targets=("R2", "R3")))
    assert set(statuses(scene, image).values()) == {"active"}


def test_a_refusal_is_the_outcome(scene):
    image = copied(scene)
    scene.images("R1").set_active(image["id"], False)
    scene.glances["R2"].fail("deactivate", refused(403, "Not you."))
    assert run(scene, wildcard()) == [("R2", "forbidden")]
    assert run(scene, wildcard()) == [("R2", "updated")]


@pytest.mark.parametrize("copy", ["queued", "active", "deactivated", "saving"])
@pytest.mark.parametrize("source", ["queued", "active", "deactivated"])
@pytest.mark.parametrize("is_copy", [False, True])
@pytest.mark.parametrize("meets_copy", [False, True])
def test_the_status_to_reach(source, copy, is_copy, meets_copy):
    mark = {fields.SOURCE_ID: "1"}
    of = {"id": "1", "status": source, **(mark if is_copy else {})}
    to = {"id": "1", "status": copy, **(mark if meets_copy else {})}
    expected = None
    if (source, copy) == ("deactivated", "active") and (meets_copy or not is_copy):
        expected = "deactivated"
    if (source, copy) == ("active", "deactivated") and not is_copy:
        expected = "active"
    assert status_to_reach(of, to) == expected
