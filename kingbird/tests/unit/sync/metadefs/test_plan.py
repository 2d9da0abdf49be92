"""Plans of sets of namespaces."""

from concurrent.futures import Future

import pytest

from kingbird import exception
from kingbird.resource_keys import key_of
from kingbird.sync.metadefs import plan
from kingbird.sync.metadefs.sources import choose
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.sync.metadefs import scene as scenes
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
        ({"R1": ("o", "1"), "R2": ("o", "1"), "R3": ("o", "1")}, ["R3", "R2"], "R3"),
        # A copy of unknown age is taken for the oldest.
        ({"R1": ("o", "2"), "R2": ("p", None)}, [], "R2"),
        ({"R1": ("o", "2"), "R2": ("o", None)}, [], "R2"),
        # Nobody can be first afterwards.
        ({"R1": ("o", "1"), "R2": ("p", "2")}, ["R2"], "R1"),
    ],
)
def test_the_source_of_a_namespace(copies, preferred, source):
    found = {region: {"owner": owner, "created_at": at} for region, (owner, at) in copies.items()}
    assert choose(found, preferred) == source


def found(planner):
    """Return what a plan found: region, owner, name, source region, state and reason."""
    return {
        (one.region, one.owner, one.name, one.source_region, one.state, one.reason)
        for one in planner.findings.take()[0]
    }


SEVERAL = {"sources": ["R1", "R2"], "preferred": ["R1", "R2"], "targets": ["R3"]}


@pytest.mark.parametrize(
    ("copies", "options", "findings"),
    [
        # No source has it.
        ({"R3": {}}, SEVERAL, {("R3", None, "", region, None, None) for region in ("R1", "R2")}),
        ({"R1": {}}, {}, {("R2", "admin", NAME, "R1", "missing", "missing")}),
        (
            {"R1": {}, "R2": {"description": "x"}},
            {},
            {("R2", "admin", NAME, "R1", "drift", "drift")},
        ),
        ({"R1": {}, "R2": {}}, {}, {("R2", "admin", NAME, "R1", None, "in_sync")}),
        (
            {"R1": {}, "R2": {"owner": "other"}},
            {},
            {("R2", "admin", NAME, "R1", "conflict", "owner_conflict")},
        ),
        # It is its own source.
        (
            {"R1": {}},
            {"targets": ["R1", "R2"], "sources": ["R1"]},
            {
                ("R1", "admin", NAME, "R1", None, "in_sync"),
                ("R2", "admin", NAME, "R1", "missing", "missing"),
            },
        ),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_what_a_plan_finds(scene, copies, options, findings, dry_run):
    for region, fields in copies.items():
        scene.make(region, **fields)
    assert found(scene.plan(a_set(NAME, dry_run=dry_run, **options))[0]) == findings


@pytest.mark.parametrize(
    ("call", "error", "findings"),
    [
        ("GET namespaces", refused(403), {("R2", "admin", NAME, "R1", "away", "forbidden")}),
        (
            "GET namespace",
            unavailable(),
            {("R2", "admin", NAME, "R1", "away", "region_unavailable")},
        ),
    ],
)
def test_what_a_plan_finds_in_a_region_that_is_away(scene, call, error, findings):
    for region in ("R1", "R2"):
        scene.make(region)
    scene.glances["R2"].fail(call, error, None)
    planner, _ = scene.plan(a_set(NAME))
    assert found(planner) == findings
    scene.glances["R2"].fail(call, error, None)
    # Of a wildcard one item tells it of all.
    planner, _ = scene.plan(a_set())
    assert found(planner) == (findings if call == "GET namespace" else set())


def test_a_name_without_an_address_is_missing_where_it_is_not(scene):
    scene.make("R1", namespace="a/b")
    scene.make("R2", namespace="a/b")
    planner, items = scene.plan(a_set(targets=["R2", "R3"]))
    assert found(planner) == {("R3", "admin", "a/b", "R1", "missing", "invalid")}
    assert {(one.name, one.target_region) for one in items} == {("a/b", "R2"), ("a/b", "R3")}


def test_a_namespace_that_goes_while_the_plan_is_made_is_gone(scene):
    scene.make("R1")
    scene.glances["R1"].fail("GET namespace", refused(404), None)
    planner, (item,) = scene.plan(a_set(NAME))
    assert item.outcome.reason == "source_gone"
    assert found(planner) == {("R2", None, "", "R1", None, None)}


@pytest.mark.parametrize(
    ("first", "second", "note"),
    [
        # Items that end with the plan tell that the first of several sets counts.
        ({}, {"on_drift": "update"}, True),
        ({}, {"sources": ["R3"], "preferred": ["R3"]}, True),
        ({}, {"targets": ["R3"]}, False),
    ],
)
@pytest.mark.parametrize("fields", [{}, {"description": "other"}])
def test_a_name_in_two_sets_says_so(scene, fields, first, second, note):
    scene.make("R1")
    scene.make("R2", **fields)
    items = scene.plan(a_set(NAME, **first), a_set(NAME, **second))[1]
    (message,) = (one.outcome.message for one in items if one.target_region == "R2")
    assert ("Several sets of the request" in (message or "")) == note


def test_a_namespace_that_no_set_finds_says_that_several_asked(scene):
    items = scene.plan(a_set(NAME), a_set(NAME))[1]
    assert [one.outcome.reason for one in items] == ["source_gone"]
    assert "Several sets of the request" in items[0].outcome.message


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("more", [[], [a_set(targets=["R2"])]])
def test_a_region_that_is_away_in_a_dry_run(scene, dry_run, more):
    """Its item is a dry run's only if all sets are."""
    scene.make("R1")
    scene.glances["R2"].fail("GET namespaces", unavailable(), None)
    items = scene.plan(a_set(dry_run=dry_run), *more)[1]
    is_dry = dry_run and not more
    assert [(one.resource, one.outcome.is_dry) for one in items] == [("*", is_dry)]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5])
def test_namespaces_are_read_some_at_a_time(scene, monkeypatch, count):
    monkeypatch.setattr(plan, "BATCH", 2)
    for n in range(count):
        scene.make("R1", namespace=f"n{n}")
    planner, items = scene.plan(a_set())
    assert [one.name for one in items] == [f"n{n}" for n in range(count)]
    assert scene.glances["R1"].count()["GET namespace"] == count
    _, stretches = planner.findings.take()[:2]
    assert len(stretches) == 1


@pytest.mark.parametrize("answered", [0, 2])
def test_an_end_of_the_job_leaves_the_workers_to_others(scene, monkeypatch, answered):
    """Regions are listed, or namespaces are read."""
    for name in ("a", "b", "c"):
        scene.make("R1", namespace=name)
    calls = []

    def submit(region, function, *args):
        call = Future()
        if len(calls) < answered:
            call.set_result(function(*args))
        elif len(calls) == answered:
            call.set_exception(exception.Cancelled("The job is cancelled"))
        calls.append(call)
        return call

    monkeypatch.setattr(scenes, "submit", submit)
    with pytest.raises(exception.Cancelled):
        scene.plan(a_set())
    waiting = calls[answered + 1 :]
    assert waiting
    assert all(call.cancelled() for call in waiting)
