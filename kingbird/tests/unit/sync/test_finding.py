"""Test the state of an image that a planned item and the outcome of a write tell."""

import dataclasses

import pytest

from kingbird.sync.finding import finding_after, finding_of, finding_of_data
from kingbird.sync.item import COPY_STATUS, ImportSpec, Item, Seen, WriteSpec
from kingbird.sync.outcome import Outcome

VALUES = {"name": {"source": "a", "target": "b"}}
SEEN = Seen("owner", "one", "active")
THERE = dataclasses.replace(SEEN, copy_status="active", differences=VALUES)


def planned(reason=None, action="none", seen=SEEN):
    item = Item("i", "R1", "R2", action=action, seen=seen)
    return finding_of(item.with_outcome(Outcome(reason)) if reason else item)


@pytest.mark.parametrize(
    ("reason", "action", "seen", "state"),
    [
        (None, "create", SEEN, "missing"),
        ("missing", "create", SEEN, "missing"),
        ("same_name", "none", SEEN, "missing"),
        ("deleted_in_target", "none", SEEN, "missing"),
        ("id_taken", "none", SEEN, "missing"),
        ("region_bound", "none", SEEN, "missing"),
        ("dependency_failed", "none", SEEN, "missing"),
        (None, "update", THERE, "drift"),
        ("drift", "none", THERE, "drift"),
        ("dependency_failed", "none", THERE, "drift"),
        # The right source of an update could not be asked.
        ("region_unavailable", "none", THERE, "drift"),
        ("region_unavailable", "none", SEEN, "away"),
        ("forbidden", "none", SEEN, "away"),
        ("owner_conflict", "none", THERE, "conflict"),
        ("data_conflict", "none", THERE, "conflict"),
        ("in_sync", "none", THERE, None),
        ("no_data", "none", dataclasses.replace(THERE, copy_status="queued"), "no_data"),
        ("no_data", "none", dataclasses.replace(THERE, copy_status="importing"), "importing"),
    ],
)
def test_a_planned_item(reason, action, seen, state):
    found = planned(reason, action, seen)
    assert (found.state, found.owner, found.name) == (state, "owner", "one")
    assert found.kept == state
    assert found.differences == (VALUES if state == "drift" else {})
    assert found.image_status == (seen.copy_status if state not in ("missing", "away") else None)
    assert found.reason == (reason or state)


def test_an_image_that_is_not_active_has_no_state():
    found = planned(None, "create", dataclasses.replace(SEEN, source_status="queued"))
    assert (found.state, found.kept) == ("missing", None)


def test_an_item_about_another_project_tells_nothing():
    assert planned("not_owner", seen=None) is None
    gone = planned("source_gone", seen=None)
    assert (gone.owner, gone.state, gone.reason) == (None, None, None)


def after(reason, action="create", copy_status=None, left=(), **outcome):
    work = WriteSpec(
        {"id": "i", "name": "one"}, "owner", {"status": "active", COPY_STATUS: copy_status}
    )
    work = dataclasses.replace(work, left=list(left))
    done = Outcome(reason, **outcome)
    return finding_after("i", "R1", "R2", action, work, done, VALUES)


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (after("created"), "no_data"),
        (after("updated", "update", "active"), None),
        (after("updated", "update", "queued"), "no_data"),
        # The image was there when its record was to be created.
        (after("updated", copy_status="active"), "no_data"),
        (after("in_sync", copy_status=None), None),
        (after("drift", "update", "active"), "drift"),
        (after("quota"), "missing"),
        (after("region_unavailable"), "missing"),
        (after("quota", "update", "active"), "drift"),
        (after("deleted_in_target", "update", "active"), "missing"),
        (after("id_taken"), "missing"),
        (after("owner_conflict"), "conflict"),
    ],
)
def test_after_a_write(found, state):
    assert found.state == state
    assert (found.owner, found.name, found.region) == ("owner", "one", "R2")


def test_what_is_left_of_an_update_is_told():
    assert after("drift", "update", "active", left=["disk_format"]).differences == {}
    assert after("drift", "update", "active", left=["name"]).differences == VALUES


def test_a_write_beside_a_copy_tells_nothing():
    work = WriteSpec({"id": "i"}, "owner", {"status": "active"})
    assert finding_after("i", "R1", "R2", "create", work, Outcome("created"), {}) is None


@pytest.mark.parametrize(
    ("copy", "data", "outcome", "state", "reason"),
    [
        (None, "pending", None, "missing", "no_data"),
        (None, "failed", Outcome("deleted_in_target"), "missing", "deleted_in_target"),
        ("queued", "pending", None, "no_data", "no_data"),
        ("queued", "importing", None, "importing", "no_data"),
        ("saving", "pending", None, "importing", "no_data"),
        ("queued", "failed", Outcome("import_failed"), "no_data", "import_failed"),
        ("active", "failed", Outcome("data_differs"), "conflict", "data_differs"),
        ("active", "active", Outcome("created"), None, "no_data"),
        ("active", "pending", Outcome("created"), "no_data", "no_data"),
    ],
)
def test_after_a_look_at_the_data(copy, data, outcome, state, reason):
    spec = ImportSpec({}, {}, "owner", project="owner")
    image = copy and {"id": "i", "status": copy}
    found = finding_of_data("i", "one", "R1", "R2", spec, image, data, outcome)
    assert (found.state, found.reason, found.image_status) == (state, reason, copy)
    assert (found.image_id, found.region, found.owner) == ("i", "R2", "owner")
    assert (found.name, found.source_region) == ("one", "R1")
    assert found.is_selected


def test_trouble_with_the_data_is_told_until_the_end():
    spec = ImportSpec({}, {}, "owner", project="owner")
    image = {"id": "i", "status": "queued"}
    told = [
        finding_of_data("i", "one", "R1", "R2", spec, image, "pending", outcome, "Trouble").message
        for outcome in (None, Outcome("import_failed", "It failed"))
    ]
    assert told == ["Trouble", "It failed"]
    assert finding_of_data("i", "one", "R1", "R2", spec, image, "pending", None).message


def test_the_data_of_a_forced_copy_tell_nothing():
    spec = ImportSpec({}, {}, "owner", project=None)
    assert finding_of_data("i", "one", "R1", "R2", spec, None, "pending", None) is None
