"""Orphans are hidden, and deleted after a time; what was touched or is protected stays."""

import dataclasses

import pytest

from kingbird.sync import image as fields
from kingbird.sync import orphans
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.plan.orphan_life import DELETE, HIDE, MONTH, Life
from kingbird.tests.unit.sync.scene import DEMO, OTHER


@pytest.fixture
def life():
    return Life()


def test_it_is_hidden_with_a_mark_and_then_waits(life):
    before = life.copy()
    life.hide()
    copy = life.copy()
    assert copy == {
        **before,
        "os_hidden": True,
        fields.ORPHANED_AT: "2026-01-01T00:02:00Z",
        "updated_at": copy["updated_at"],
    }
    life.glances["R2"].calls.clear()
    found = life.run()
    assert {one.reason for one in found.values()} == {"orphaned"}
    assert "It is hidden since 2026-01-01T00:02:00Z" in found[life.orphan, "R2"].message
    assert life.glances["R2"].count()["update"] == 0


def test_a_report_leaves_it_alone(life):
    before = life.contents, life.copy()
    assert life.of_orphan(SyncSet(("*",), ("R1",), ("R2", "R3"))) == {
        "R2": "orphaned",
        "R3": "orphaned",
    }
    assert (life.contents, life.copy()) == before


def test_it_is_deleted_after_the_grace_and_not_before(life):
    assert life.of_orphan(DELETE) == {"R2": "hidden", "R3": "hidden"}
    life.pass_time(MONTH - 600)
    assert life.of_orphan(DELETE) == {"R2": "orphaned", "R3": "orphaned"}
    life.pass_time(600)
    assert life.of_orphan(HIDE) == {"R2": "orphaned", "R3": "orphaned"}
    before = life.copy()
    found = life.run(DELETE)
    assert {one.reason for one in found.values()} == {"deleted"}
    assert found[life.orphan, "R2"].undo == {"owner": DEMO, "deleted": before}
    assert life.contents == {"R1": {life.kept}, "R2": set(), "R3": set()}
    assert not life.hidden
    assert life.run(DELETE) == {}


def test_a_dry_run_shows_each_and_writes_nothing(life):
    dry = dataclasses.replace(DELETE, dry_run=True)
    first = life.plan_sets(dry)
    assert {(one.action, one.outcome.status, one.outcome.message) for one in first} == {
        ("update", "PLANNED", "Would be hidden: R1 has deleted it")
    }
    assert first[0].digest
    life.hide()
    life.pass_time(MONTH)
    second = life.plan_sets(dry)
    assert {(one.action, one.outcome.status, one.outcome.message) for one in second} == {
        ("delete", "PLANNED", "Would be deleted: R1 has deleted it")
    }
    assert life.plan_sets(dry)[0].digest == second[0].digest != first[0].digest
    life.restore(life.orphan)
    assert {(one.outcome.reason, one.outcome.message) for one in life.plan_sets(dry)} == {
        ("revived", "Would be shown: R1 has it again")
    }
    assert life.copy()["os_hidden"]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda life: life.change("name", "mine"), "touched"),
        (lambda life: life.change("os_hidden", False), "touched"),
        (lambda life: life.change(fields.ORPHANED_AT, "2000-01-01T00:00:00Z"), "touched"),
        (lambda life: life.glances["R2"].upload(life.orphan, b"mine"), "touched"),
        (lambda life: life.glances["R2"].share(life.orphan, OTHER), "kept"),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_what_was_touched_since_or_is_shared_stays(life, spoil, reason, late):
    life.hide()
    life.pass_time(MONTH)
    if late:
        # After the plan, before the call.
        items = [one for one in life.plan_sets(DELETE) if one.target_region == "R2"]
        spoil(life)
        assert [life.apply(one).reason for one in items] == [reason]
    else:
        spoil(life)
        assert life.of_orphan(DELETE)["R2"] == reason
    assert life.copy()
    assert "delete" not in life.glances["R2"].count()
    # It is not hidden again either: somebody wants it so.
    before = life.copy()
    life.run(DELETE)
    assert life.copy() == before


@pytest.mark.parametrize(
    ("options", "data", "reason"),
    [
        ({"protected": True}, None, "kept"),
        ({}, b"x", "deleted"),
        ({}, b"y", "kept"),
    ],
)
def test_what_is_protected_or_has_other_data_stays(life, options, data, reason):
    image_id = life.create("R1", **options)["id"]
    life.glances["R1"].upload(image_id, b"x")
    life.sync(image_id)
    if data:
        life.glances["R2"].upload(image_id, data)
    if options:
        life.images("R1").update(image_id, [{"op": "add", "path": "/protected", "value": False}])
    life.glances["R1"].delete(image_id)
    assert life.run()[image_id, "R2"].reason == "hidden"
    life.pass_time(MONTH)
    assert life.run(DELETE)[image_id, "R2"].reason == reason
    assert (image_id in life.contents["R2"]) == (reason == "kept")


def test_data_without_a_hash_are_not_known_to_be_the_originals():
    image = {"status": "active", "size": 1, "os_hash_value": None, "os_hash_algo": None}
    assert "other data" in orphans.reason_to_keep(image)


OWN_DATA = {"os_hash_algo": "sha512", "os_hash_value": "a", fields.SOURCE_HASH: "sha512:a"}


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ({"status": "queued"}, None),
        ({"status": "queued", "protected": True}, "It is protected"),
        ({"status": "killed"}, "It is killed"),
        ({"status": "active", **OWN_DATA}, None),
        ({"status": "deactivated", **OWN_DATA}, None),
    ],
)
def test_why_an_orphan_is_kept(image, why):
    assert orphans.reason_to_keep(image) == why


@pytest.mark.parametrize("told", [None, "b"])
def test_an_orphan_whose_data_nothing_tells_of_is_kept(told):
    image = {"status": "active", **OWN_DATA, fields.SOURCE_HASH: told}
    assert "It has other data" in orphans.reason_to_keep(image)
    del image["os_hash_value"]
    assert "It has other data" in orphans.reason_to_keep(image)


def test_a_mark_that_anybody_wrote_deletes_nothing(life):
    life.change(fields.ORPHANED_AT, "2000-01-01T00:00:00Z")
    life.change("os_hidden", True)
    assert life.of_orphan(DELETE)["R2"] == "hidden"
    life.hidden.clear()
    assert life.of_orphan(DELETE) == {"R2": "hidden", "R3": "hidden"}
    assert life.hidden


def test_a_row_of_an_earlier_image_with_the_id_counts_for_nothing(life):
    life.hide()
    life.glances["R2"].delete(life.orphan)
    life.glances["R2"].purge()
    life.pass_time(MONTH)
    life.restore(life.orphan)
    life.sync(life.orphan)
    life.glances["R1"].delete(life.orphan)
    assert life.of_orphan(DELETE)["R2"] == "hidden"


def test_one_that_is_being_imported_is_not_touched(life):
    life.restore(life.orphan)
    life.images("R2").import_data(life.orphan, region="R1", source_id=life.orphan, interface="x")
    life.glances["R2"].begin_import(life.orphan)
    life.glances["R1"].delete(life.orphan)
    assert life.of_orphan()["R2"] == "orphaned"
    assert not life.copy()["os_hidden"]
