"""Plans of sets of namespaces."""

import pytest

from kingbird.resource_keys import key_of
from kingbird.sync.metadefs.sources import choose
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.sync.metadefs.scene import ANY_TO_ANY, MetadefScene, a_set

NAME = "OS::Test"


@pytest.fixture
def scene():
    return MetadefScene()


def outcomes(items):
    return {
        (one.name or one.resource, one.target_region): (
            one.action,
            one.outcome and one.outcome.reason,
        )
        for one in items
    }


def test_what_is_missing_is_created(scene):
    scene.make("R1")
    planner, items = scene.plan(a_set(NAME, targets=["R2", "R3"]))
    assert outcomes(items) == {(NAME, "R2"): ("create", None), (NAME, "R3"): ("create", None)}
    assert {one.resource for one in items} == {key_of("metadef", NAME)}
    assert not planner.in_sync


def test_a_namespace_in_order_has_an_item_if_it_is_named(scene):
    for region in ("R1", "R2"):
        scene.make(region)
    assert outcomes(scene.plan(a_set(NAME))[1]) == {(NAME, "R2"): ("none", "in_sync")}
    planner, items = scene.plan(a_set())
    assert (items, planner.in_sync) == ([], {"R2": 1})
    assert planner.in_sync_so_far() == {"R2": 1}


def test_a_region_is_listed_once_and_each_namespace_read_once(scene):
    for region in ("R1", "R2"):
        scene.make(region)
        scene.make(region, namespace="b")
    scene.plan(a_set(targets=["R2", "R3"]))
    assert scene.glances["R1"].count() == {"GET namespaces": 1, "GET namespace": 2}
    assert scene.glances["R2"].count() == {"GET namespaces": 1, "GET namespace": 2}
    assert scene.glances["R3"].count() == {"GET namespaces": 1}


@pytest.mark.parametrize(
    ("fields", "on_drift", "action", "reason"),
    [
        ({"tags": []}, "report", "create", None),
        ({"tags": []}, "update", "create", None),
        ({"description": "other"}, "report", "none", "drift"),
        ({"description": "other"}, "update", "update", None),
        ({"description": "other", "tags": []}, "report", "create", None),
        ({"description": "other", "tags": []}, "update", "update", None),
        (
            {"resource_type_associations": [{"name": "OS::Glance::Image"}]},
            "update",
            "none",
            "drift",
        ),
        ({"owner": "other"}, "update", "none", "owner_conflict"),
    ],
)
def test_a_namespace_that_is_there(scene, fields, on_drift, action, reason):
    scene.make("R1")
    scene.make("R2", **fields)
    items = scene.plan(a_set(NAME, on_drift=on_drift))[1]
    assert outcomes(items) == {(NAME, "R2"): (action, reason)}


def test_values_that_differ_are_told(scene):
    scene.make("R1")
    scene.make("R2", description="other")
    (item,) = scene.plan(a_set(NAME))[1]
    assert item.differences == {"description": {"source": "A test", "target": "other"}}
    assert item.outcome.message == "Differs from the namespace in R1 in: description"
    assert item.target_resource == item.resource


def test_a_name_that_is_nowhere_is_gone(scene):
    scene.make("R2")
    (item,) = scene.plan(a_set(NAME))[1]
    assert item.outcome.reason == "source_gone"
    assert "namespace" in item.outcome.message
    assert item.name == NAME


def test_any_to_any_brings_each_namespace_everywhere(scene):
    scene.make("R1", namespace="a")
    scene.make("R2", namespace="b")
    items = scene.plan(a_set(**ANY_TO_ANY))[1]
    assert {(one.name, one.source_region, one.target_region) for one in items} == {
        ("a", "R1", "R2"),
        ("a", "R1", "R3"),
        ("b", "R2", "R1"),
        ("b", "R2", "R3"),
    }


def test_a_region_that_is_away_has_one_item_of_a_wildcard(scene):
    scene.make("R1")
    scene.glances["R2"].fail("GET namespaces", unavailable(), None)
    items = scene.plan(a_set(targets=["R2", "R3"]))[1]
    assert outcomes(items) == {
        ("*", "R2"): ("none", "region_unavailable"),
        (NAME, "R3"): ("create", None),
    }


def test_a_named_namespace_has_an_item_there(scene):
    scene.make("R1")
    scene.glances["R2"].fail("GET namespaces", refused(403), None)
    (item,) = scene.plan(a_set(NAME))[1]
    assert item.outcome.reason == "forbidden"
    assert "get_metadef_namespaces" in item.outcome.message


def test_a_source_that_is_away_does_not_look_as_if_it_had_nothing(scene):
    scene.glances["R1"].fail("GET namespaces", unavailable(), None)
    (item,) = scene.plan(a_set(NAME))[1]
    assert item.outcome.reason == "region_unavailable"


def test_nothing_is_changed_if_a_better_source_may_be_away(scene):
    scene.make("R1", description="new")
    scene.make("R3", description="old")
    scene.glances["R2"].fail("GET namespaces", unavailable(), None)
    some = a_set(NAME, sources=["R2", "R1"], preferred=["R2", "R1"], targets=["R3"])
    (item,) = scene.plan(some)[1]
    assert (item.action, item.outcome.reason) == ("none", "region_unavailable")
    assert "may come from R2" in item.outcome.message


def test_a_namespace_that_cannot_be_read_is_no_missing_one(scene):
    scene.make("R1")
    scene.make("R2")
    scene.glances["R2"].fail("GET namespace", unavailable(), None)
    (item,) = scene.plan(a_set(NAME))[1]
    assert (item.action, item.outcome.reason) == ("none", "region_unavailable")


def test_a_name_without_an_address_is_invalid(scene):
    scene.make("R1", namespace="a/b")
    (item,) = scene.plan(a_set())[1]
    assert item.outcome.reason == "invalid"


def test_a_name_in_two_sets_is_one_item(scene):
    scene.make("R1")
    first, second = a_set(NAME, on_drift="update"), a_set(NAME)
    scene.make("R2", description="other")
    (item,) = scene.plan(first, second)[1]
    assert item.action == "update"


def test_a_retry_of_a_wildcard_leaves_out_what_has_an_item(scene):
    scene.make("R1")
    assert scene.plan(a_set(), known={key_of("metadef", NAME): {"R2"}})[1] == []


def test_a_retry_of_one_finds_it_by_its_key(scene):
    scene.make("R1")
    scene.make("R1", namespace="other")
    some = a_set().limited_to([key_of("metadef", NAME)], ["R2"])
    assert outcomes(scene.plan(some)[1]) == {(NAME, "R2"): ("create", None)}


def test_a_dry_run_tells_what_would_be_done(scene):
    scene.make("R1")
    scene.make("R2", description="other", tags=[])
    some = a_set(NAME, targets=["R2", "R3"], dry_run=True, on_drift="update")
    items = scene.plan(some)[1]
    assert {
        one.target_region: (str(one.outcome.status), one.outcome.message) for one in items
    } == {
        "R2": (
            "PLANNED",
            "Would get from R1: tag fast; Would follow R1 in: description",
        ),
        "R3": ("PLANNED", "Would be created from R1"),
    }
    assert all(one.work is None and one.digest for one in items)
    # The plan that carries it out has the same fingerprints.
    real = scene.plan(a_set(NAME, targets=["R2", "R3"], on_drift="update"))[1]
    assert [one.fingerprint() for one in real] == [one.digest for one in items]
    scene.at("R2")["display_name"] = "changed meanwhile"
    assert scene.plan(a_set(NAME, on_drift="update"))[1][0].fingerprint() != items[0].digest


@pytest.mark.parametrize(
    ("copies", "preferred", "source"),
    [
        ({}, [], None),
        ({"R2": ("o", "2")}, [], "R2"),
        ({"R1": ("o", "2"), "R2": ("o", "1")}, [], "R2"),
        ({"R1": ("o", "1"), "R2": ("o", "1")}, [], "R1"),
        ({"R1": ("o", "1"), "R2": ("o", "2")}, ["R2"], "R2"),
        # Nobody can be first afterwards.
        ({"R1": ("o", "1"), "R2": ("p", "2")}, ["R2"], "R1"),
    ],
)
def test_the_source_of_a_namespace(copies, preferred, source):
    found = {region: {"owner": owner, "created_at": at} for region, (owner, at) in copies.items()}
    assert choose(found, preferred) == source
