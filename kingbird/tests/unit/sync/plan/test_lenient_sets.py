"""Test the plan of a rule's run about some images: what the rule does not select has no item."""

import pytest

from kingbird.sync.listing import lookup
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import sync_set
from kingbird.tests.unit.sync.scene import ALL3, DEMO, OTHER, Scene

GONE = "99999999-0000-4000-8000-000000000000"


@pytest.fixture
def scene():
    return Scene(retry_timeout=0.1)


def lenient(*ids, rule=("*",), sources=("R1", "R2"), targets=("R1", "R2", "R3"), **options):
    """Return the set of a rule's run about some images, as it is stored and read."""
    stored = sync_set(rule, sources, targets, preferred=[], **options)
    entry = {**stored, "resources": list(ids), "rule_resources": list(rule), "lenient": True}
    return SyncSet.from_request(entry)


def planned(scene, one):
    return {
        (item.resource, item.target_region): (item.action, item.outcome and item.outcome.reason)
        for item in scene.plan_sets(one)
    }


def test_an_image_that_the_rule_selects_is_planned(scene):
    image = scene.create_in(2020, "R1", b"x", owner=DEMO)["id"]
    found = planned(scene, lenient(image, GONE))
    assert found == {
        (image, "R1"): ("none", "in_sync"),
        (image, "R2"): ("create", None),
        (image, "R3"): ("create", None),
    }


@pytest.mark.parametrize(
    ("fields", "data"),
    [({}, None), ({"owner": OTHER, "visibility": "community"}, b"x"), ({"name": "b"}, b"x")],
)
def test_what_it_does_not_select_has_no_item(scene, fields, data):
    image = scene.create_in(2020, "R1", data, **{"owner": DEMO, "name": "a", **fields})["id"]
    filters = {"name": "a", "status": ["active"]}
    assert planned(scene, lenient(image, filters=filters)) == {}


def test_a_copy_without_data_hides_no_image_in_a_region_that_is_away(scene):
    """Leave an image to a later run if its source may be in a region that can't be asked."""
    image = scene.create_in(2020, "R1", b"x", owner=DEMO)["id"]
    scene.create_in(2021, "R2", id=image, owner=DEMO)
    scene.glances["R1"].fail("list", unavailable(), times=None)
    found = planned(scene, lenient(image, targets=("R3",), filters={"status": ["active"]}))
    assert found == {(image, "R3"): ("none", "region_unavailable")}


def test_named_images_that_are_gone_have_no_item(scene):
    image = scene.create_in(2020, "R1", b"x", owner=DEMO)["id"]
    one = lenient(image, GONE, rule=(image, GONE), targets=("R2",))
    assert planned(scene, one) == {(image, "R2"): ("create", None)}


def test_a_kernel_comes_along(scene):
    kernel = scene.create_in(
        2020, "R1", owner=DEMO, disk_format="aki", container_format="aki", visibility="private"
    )["id"]
    formats = {"disk_format": "ami", "container_format": "ami"}
    image = scene.create_in(2020, "R1", b"x", owner=DEMO, kernel_id=kernel, **formats)["id"]
    found = planned(scene, lenient(image, targets=("R2",), filters={"status": ["active"]}))
    assert found == {(kernel, "R2"): ("create", None), (image, "R2"): ("create", None)}


def test_a_forced_rule_gives_other_ids_only_where_needed(scene):
    image = scene.create_in(2020, "R1", b"x", owner=DEMO)["id"]
    (item,) = scene.plan_sets(lenient(image, targets=("R2",), force=True))
    assert item.target_resource == image


def test_an_event_costs_one_round_of_lists(scene, monkeypatch):
    """Ask each region for visible and hidden images at the same time, and for no names."""
    image = scene.create_in(2020, "R1", b"x", owner=DEMO)["id"]
    asked = []
    for region, glance in scene.glances.items():
        plain = glance.handle

        def handle(caller, method, url, body, plain=plain, region=region):
            asked.append((region, url))
            return plain(caller, method, url, body)

        glance.handle = handle
    one = lenient(image, sources=ALL3)
    rounds = []
    find = lookup.lookup_regions

    def counted(wanted, *args, **options):
        if any(wanted.values()):
            rounds.append(wanted)
        return find(wanted, *args, **options)

    monkeypatch.setattr(lookup, "lookup_regions", counted)
    items = scene.plan_sets(one, at_once=True)
    assert [item.action for item in items] == ["none", "create", "create"]
    assert len(rounds) == 1
    lists = [(region, "os_hidden=true" in url) for region, url in asked if "?id=" in url]
    assert sorted(lists) == [(region, hidden) for region in ALL3 for hidden in (False, True)]
    assert not any("name=" in url for _, url in asked)
    scene.plan_sets(lenient(image, sources=ALL3, same_name="skip"), at_once=True)
    assert any("name=" in url for _, url in asked)
