"""The state of a namespace that the outcome of a write tells."""

import pytest

from kingbird.sync.metadefs.finding import finding_after, finding_of, gone
from kingbird.sync.metadefs.item import NamespaceItem, NamespaceSpec
from kingbird.sync.outcome import Outcome, message_for

VALUES = {"description": {"source": "a", "target": "b"}}


def after(reason, **outcome):
    work = NamespaceSpec(
        {"namespace": "n", "owner": "o"}, exists=outcome.pop("exists", False), updates=True
    )
    return finding_after("key", "R1", "R2", work, Outcome(reason, **outcome), VALUES)


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (after("created"), None),
        (after("updated", exists=True), None),
        (after("in_sync", exists=True), None),
        (after("owner_conflict", exists=True), "conflict"),
        (after("id_taken"), "conflict"),
        (after("deleted_in_target", exists=True), "missing"),
        (after("region_unavailable"), "missing"),
        (after("region_unavailable", exists=True), "drift"),
        # It was read after the write, so it is there.
        (after("forbidden", differences=VALUES), "drift"),
    ],
)
def test_after_a_write(found, state):
    assert found.state == state
    assert (found.image_id, found.region, found.source_region) == ("key", "R2", "R1")
    assert (found.owner, found.name) == ("o", "n")
    assert found.differences == (VALUES if state == "drift" else {})


def test_what_was_read_last_is_told():
    left = {"display_name": {"source": "c", "target": "d"}}
    assert after("drift", exists=True, differences=left).differences == left


def test_nothing_was_to_be_written():
    assert finding_after("key", "R1", "R2", None, Outcome("in_sync"), {}) is None


DIFFERS = "Differs from the namespace in R1 in: tag a, description, resource type r"
THERE = NamespaceSpec(
    {"namespace": "n"},
    exists=True,
    creates=["tag a"],
    changes=["description"],
    left=["resource type r"],
)


def planned(reason=None, work=None, **outcome):
    item = NamespaceItem("key", "R1", "R2", work=work, name="n", differences=VALUES)
    return item.with_outcome(Outcome(reason, **outcome)) if reason else item


@pytest.mark.parametrize(
    ("item", "is_there", "state", "reason", "message"),
    [
        (planned(work=NamespaceSpec({})), False, "missing", "missing", None),
        (planned(work=THERE), True, "drift", "drift", DIFFERS),
        (planned("in_sync"), True, None, "in_sync", None),
        (planned("drift", message="m"), True, "drift", "drift", "m"),
        # An item that has ended says why itself, whatever would have been written.
        (planned("quota", work=THERE, message="m"), True, "drift", "quota", "m"),
        (planned("owner_conflict", message="m"), True, "conflict", "owner_conflict", "m"),
        (planned("region_unavailable", message="m"), False, "away", "region_unavailable", "m"),
        (planned("forbidden", message="m"), True, "away", "forbidden", "m"),
        (planned("invalid", message="m"), False, "missing", "invalid", "m"),
        (planned("invalid", message="m"), True, "drift", "invalid", "m"),
    ],
)
def test_a_planned_item(item, is_there, state, reason, message):
    found = finding_of(item, "o", is_there=is_there)
    assert (found.state, found.reason, found.message) == (state, reason, message)
    assert (found.image_id, found.region, found.source_region) == ("key", "R2", "R1")
    assert (found.owner, found.name, found.is_selected) == ("o", "n", True)
    assert found.differences == (VALUES if state == "drift" else {})
    nameless = NamespaceItem("key", "R1", "R2")
    found = finding_of(nameless, None, is_there=is_there)
    assert (found.owner, found.name) == ("", "")


def test_a_namespace_that_a_source_does_not_have():
    found = gone(planned("source_gone"), "R3")
    assert (found.image_id, found.region, found.source_region) == ("key", "R2", "R3")
    assert (found.owner, found.name, found.state, found.reason) == (None, "", None, None)


@pytest.mark.parametrize(("reason", "region"), [("id_taken", "R2"), ("source_gone", "R1")])
def test_an_outcome_without_a_message_gets_the_usual_sentence(reason, region):
    assert after(reason).message == message_for(reason, source="R1", target="R2")
    assert region in after(reason).message
    assert after(reason, message="Own").message == "Own"
