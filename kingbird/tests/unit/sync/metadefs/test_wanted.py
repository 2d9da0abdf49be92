"""The decision about a namespace in a target region, as it was read there."""

import dataclasses

import pytest

from kingbird import exception
from kingbird.sync.metadefs.wanted import Wanted
from kingbird.sync.outcome import Outcome
from kingbird.tests.unit.sync.metadefs.scene import FULL, a_set

NAME = "OS::Test"
AWAY, REFUSED = exception.RegionUnavailable("Away"), exception.ImageRequestRejected("No.", 403)
OTHER = {**FULL, "description": "other"}
LEFT = {**FULL, "resource_type_associations": [{"name": "OS::Glance::Image"}]}


def wanted(*, is_there=True, updates=False, doubted=None):
    one = a_set(NAME, on_drift="update" if updates else "report")
    return Wanted(one, "key", NAME, "admin", "R1", "R2", is_there, doubted)


def decided(source, copy, **options):
    return wanted(**options).decide({("R1", NAME): source, ("R2", NAME): copy})


def test_what_is_read():
    assert wanted().places == [("R1", NAME), ("R2", NAME)]
    assert wanted(is_there=False).places == [("R1", NAME)]
    read = {("R1", NAME): FULL, ("R2", NAME): OTHER}
    assert wanted().answers(read) == (FULL, OTHER)
    assert wanted(is_there=False).answers(read) == (FULL, None)
    assert not wanted().is_repeated


@pytest.mark.parametrize("updates", [True, False])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_namespace_that_is_missing_is_created(updates, is_there):
    item = decided(FULL, None, is_there=is_there, updates=updates)
    assert (item.action, item.outcome, item.target_resource) == ("create", None, None)
    assert (item.resource, item.name) == ("key", NAME)
    assert (item.source_region, item.target_region) == ("R1", "R2")
    assert dataclasses.asdict(item.work) == {
        **{"record": FULL, "exists": False, "updates": updates},
        **{"creates": [], "changes": [], "left": []},
    }


@pytest.mark.parametrize(
    ("source", "copy", "outcome"),
    [
        (AWAY, FULL, Outcome("region_unavailable", "Away")),
        (FULL, REFUSED, Outcome("forbidden", "No.")),
        (REFUSED, AWAY, Outcome("forbidden", "No.")),
        (None, FULL, Outcome("source_gone", "The namespace can't be found in R1 any more")),
        (
            {**FULL, "namespace": "os::test"},
            None,
            Outcome("source_gone", "The namespace can't be found in R1 any more"),
        ),
    ],
)
def test_what_can_not_be_compared(source, copy, outcome):
    item = decided(source, copy, updates=True)
    assert (item.action, item.work, item.outcome) == ("none", None, outcome)
    assert item.target_resource is None


@pytest.mark.parametrize(
    ("copy", "updates", "action", "work"),
    [
        (OTHER, True, "update", ([], ["description"], [])),
        ({**OTHER, "tags": []}, True, "update", (["tag fast"], ["description"], [])),
        ({**OTHER, "tags": []}, False, "create", (["tag fast"], [], ["description"])),
        (
            {**LEFT, "description": "other"},
            True,
            "update",
            ([], ["description"], ["resource type OS::Glance::Image"]),
        ),
        (
            {**LEFT, "description": "other", "tags": []},
            False,
            "create",
            (["tag fast"], [], ["description", "resource type OS::Glance::Image"]),
        ),
        ({**FULL, "tags": []}, False, "create", (["tag fast"], [], [])),
        # Nothing can be done about these.
        (OTHER, False, "none", "description"),
        (LEFT, True, "none", "resource type OS::Glance::Image"),
        (
            {**LEFT, "description": "other"},
            False,
            "none",
            "description, resource type OS::Glance::Image",
        ),
    ],
)
def test_a_namespace_that_differs(copy, updates, action, work):
    item = decided(FULL, copy, updates=updates)
    assert (item.action, item.target_resource) == (action, "key")
    assert item.differences
    if action == "none":
        message = f"Differs from the namespace in R1 in: {work}"
        assert item.outcome == Outcome("drift", message, "key")
        return
    assert item.outcome is None
    assert (item.work.creates, item.work.changes, item.work.left) == work
    assert (item.work.exists, item.work.updates, item.work.record) == (True, updates, FULL)


def test_a_namespace_in_order_or_of_somebody_else():
    same = decided(FULL, FULL, doubted="R3")
    assert (same.action, same.work, same.outcome) == ("none", None, Outcome("in_sync"))
    assert same.target_resource == "key"
    theirs = decided(FULL, {**FULL, "owner": "other"}, updates=True)
    assert (theirs.outcome.reason, theirs.target_resource) == ("owner_conflict", None)
    assert theirs.outcome.message.startswith("In R2 ")


@pytest.mark.parametrize("updates", [True, False])
def test_nothing_is_changed_if_it_may_come_from_elsewhere(updates):
    item = decided(FULL, OTHER, updates=updates, doubted="R3")
    assert item.work is None
    assert item.outcome == Outcome(
        "region_unavailable",
        "Nothing was changed from R1, as the namespace may come from R3, which could not be asked",
        "key",
        is_doubtful=True,
    )
    # A namespace that is missing may come from any source.
    assert decided(FULL, None, updates=updates, doubted="R3").action == "create"
