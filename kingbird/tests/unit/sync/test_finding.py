"""Test the state of an image that a planned item and the outcome of a write tell."""

import dataclasses

import pytest

from kingbird.states import CopyState
from kingbird.stretch import Stretch
from kingbird.sync.finding import (
    COUNTED_AS_ONE,
    END,
    Finding,
    FindingLog,
    finding_after,
    finding_of,
    finding_of_data,
    without_data,
)
from kingbird.sync.item import COPY_STATUS, ImportSpec, Item, Seen, WriteSpec
from kingbird.sync.outcome import Outcome, message_for

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


IMAGE = {"id": "i", "owner": "owner", "name": "one", "status": "active"}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("queued", "no_data"),
        ("saving", "importing"),
        ("uploading", "importing"),
        ("importing", "importing"),
        ("killed", "no_data"),
    ],
)
def test_a_copy_in_sync_that_is_not_active(status, state):
    message = message_for("no_data", source="R1", target="R2")
    assert without_data(IMAGE, "R1", "R2", {"status": status}) == Finding(
        *("i", "R2", "owner", "one", "R1", state, "no_data", message),
        image_status=status,
        is_selected=True,
    )
    bare = without_data({"id": "i", "status": "queued"}, "R1", "R2", {})
    assert (bare.owner, bare.name, bare.image_status) == ("", "", None)
    assert not bare.is_selected


@pytest.mark.parametrize(
    ("source", "copy", "counted"),
    [
        ("active", "queued", True),
        ("active", "importing", False),
        ("queued", "queued", False),
    ],
)
def test_copies_without_data_are_counted_where_nobody_keeps_them(source, copy, counted):
    log = FindingLog()
    image, its_copy = {**IMAGE, "status": source}, {"status": copy}
    log.add_without_data(image, "R1", "R2", its_copy)
    assert log.take()[0] == [without_data(image, "R1", "R2", its_copy)]
    log.count_only([("R2", CopyState.NO_DATA), ("R3", CopyState.MISSING)])
    for region in ("R2", "R2", "R3"):
        log.add_without_data(image, "R1", region, its_copy)
    told = [one.region for one in log.take()[0]]
    assert told == (["R3"] if counted else ["R2", "R2", "R3"])
    assert log.take_counted() == ({("R2", "no_data"): 2} if counted else {})
    assert log.take_counted() == {}


def test_findings_wait_until_they_are_taken():
    log = FindingLog()
    assert log.is_empty
    log.add(None)
    assert (log.is_empty, log.waiting) == (True, 0)
    found = without_data(IMAGE, "R1", "R2", {})
    log.add(found)
    assert (log.is_empty, log.waiting) == (False, 1)
    log.count_only([("R2", CopyState.NO_DATA)])
    for number in range(2 * COUNTED_AS_ONE):
        assert log.waiting == 1 + number // COUNTED_AS_ONE
        log.add_without_data(IMAGE, "R1", "R2", {})
    covered = Stretch("", END, ["R1"], ["R2"], all_projects=False)
    log.cover(covered)
    assert log.take() == ([found], [covered])
    assert (log.is_empty, log.waiting, log.take()) == (True, 2, ([], []))
    log.cover(covered)
    assert not log.is_empty


@pytest.mark.parametrize(
    ("source_status", "reason", "seen", "is_selected"),
    [
        ("active", None, THERE, True),
        ("queued", None, THERE, False),
        # Copies of a deactivated image only follow its status.
        ("deactivated", "drift", THERE, True),
        ("deactivated", None, SEEN, False),
        ("deactivated", "in_sync", THERE, False),
        ("deactivated", "orphaned", THERE, True),
    ],
)
def test_images_that_a_comparison_of_all_selects(source_status, reason, seen, is_selected):
    found = planned(reason, seen=dataclasses.replace(seen, source_status=source_status))
    assert found.is_selected == is_selected
    assert found.kept == (found.state if is_selected else None)


@pytest.mark.parametrize("reason", ["orphaned", "orphan_guard", "home_unknown", "touched", "kept"])
def test_an_orphan_that_stays(reason):
    assert planned(reason, seen=THERE).state == "orphan"
    assert planned(reason).state is None, "there is none"


def orphan_work(act, status="active"):
    data = {"status": "active", COPY_STATUS: status}
    return WriteSpec({"id": "i", "name": "one"}, "owner", data, orphan={"act": act})


@pytest.mark.parametrize(("act", "state"), [("hide", "orphan"), ("delete", "orphan")])
def test_an_orphan_that_is_to_go(act, state):
    item = Item("i", "R1", "R2", action="update", seen=THERE, work=orphan_work(act))
    assert finding_of(item).state == state


def test_an_image_that_is_no_orphan_any_more():
    item = Item("i", "R1", "R2", action="update", seen=THERE, work=orphan_work("revive"))
    assert finding_of(item).state == "drift"


@pytest.mark.parametrize(
    ("act", "status", "outcome", "state"),
    [
        ("hide", "active", Outcome("hidden", target_resource="i"), "orphan"),
        ("hide", "active", Outcome("kept", target_resource="i"), "orphan"),
        ("hide", "active", Outcome("kept"), None),
        ("delete", "active", Outcome("deleted"), None),
        ("delete", "active", Outcome("quota", target_resource="i"), "orphan"),
        ("revive", "active", Outcome("revived", target_resource="i"), None),
        ("revive", "queued", Outcome("revived", target_resource="i"), "no_data"),
        ("revive", "importing", Outcome("revived", target_resource="i"), "importing"),
        ("revive", "active", Outcome("kept", target_resource="i"), None),
    ],
)
def test_an_orphan_after_a_write(act, status, outcome, state):
    work = orphan_work(act, status)
    found = finding_after("i", "R1", "R2", "update", work, outcome, VALUES)
    assert found.state == state
    assert (found.image_id, found.source_region, found.region) == ("i", "R1", "R2")


def test_what_a_write_came_upon_is_told():
    told = {"p": {"source": "a", "target": "b"}}
    found = after("drift", "create", copy_status="active", differences=told)
    assert (found.state, found.differences, found.image_status) == ("drift", told, "active")
    assert found.message == message_for("drift", source="R1", target="R2")
    gone = after("deleted_in_target")
    assert gone.message == message_for("deleted_in_target", source="R1", target="R2")
    assert after("quota", message="Own").message == "Own"
    nothing = after("quota", "update", "active", differences={})
    assert (nothing.state, nothing.differences) == ("drift", {})
