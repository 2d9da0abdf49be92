"""Items: what is stored of their work, and what they say before and after it."""

import dataclasses
import hashlib

import pytest

from kingbird.states import Reason
from kingbird.sync.item import (
    CREATE,
    DATA_FIELDS,
    DELETE,
    IMPORT,
    NONE,
    UPDATE,
    ImportSpec,
    Item,
    Seen,
    WriteSpec,
)
from kingbird.sync.outcome import Outcome

KERNEL, OTHER = "kernel", "other"


def work(**more):
    return WriteSpec(record={"id": "i", "kernel_id": KERNEL}, owner="p", data={}, **more)


def item(action=CREATE, **more):
    return Item("i", "R1", "R2", action, "i", **more)


def test_actions_are_stored_and_shown():
    assert (CREATE, UPDATE, NONE) == ("create", "update", "none")


def test_data_are_identified_by_what_glance_shows_of_them():
    assert DATA_FIELDS == ("status", "os_hash_algo", "os_hash_value", "checksum", "size")


def test_a_reference_follows_its_image_everywhere():
    changes = [
        {"op": "add", "path": "/kernel_id", "value": KERNEL},
        {"op": "add", "path": "/name", "value": KERNEL},
        {"op": "remove", "path": "/kernel_id"},
    ]
    before = work(fallback={"id": "f", "kernel_id": KERNEL}, changes=changes)
    after = before.with_reference("kernel_id", OTHER)
    assert after.record == {"id": "i", "kernel_id": OTHER}
    assert after.fallback == {"id": "f", "kernel_id": OTHER}
    assert after.changes == [{**changes[0], "value": OTHER}, *changes[1:]]
    assert (after.owner, after.data) == ("p", {})
    # The stored work stays as it was.
    assert before.record["kernel_id"] == KERNEL
    assert before.changes[0]["value"] == KERNEL


def test_work_without_a_fallback_gets_none():
    assert work().with_reference("kernel_id", OTHER).fallback is None


def test_an_outcome_without_a_message_gets_a_sentence_about_its_regions():
    ended = item().with_outcome(Outcome(Reason.REGION_BOUND))
    assert "of R1" in ended.outcome.message
    assert ended.with_outcome(Outcome(Reason.DELETED_IN_TARGET)).outcome.message.count("R2") == 1


def test_a_message_of_glance_stays():
    assert item().with_outcome(Outcome(Reason.REGION_BOUND, "No.")).outcome.message == "No."


@pytest.mark.parametrize(("found", "stored"), [("there", "there"), (None, "i")])
def test_an_outcome_says_under_which_id_the_image_is(found, stored):
    ended = item().with_outcome(Outcome(Reason.CREATED, target_resource=found))
    assert ended.target_resource == stored
    assert ended.outcome.reason == Reason.CREATED


UPDATED = work(changes=[{"path": "/p"}, {"path": "/name"}, {"path": "/p"}])


@pytest.mark.parametrize(
    ("planned", "reason", "message"),
    [
        (item(work=work()), "missing", "Would be created from R1"),
        (item(work=work(forced=1)), "missing", "Would be created from R1 under an id of its own"),
        (item(UPDATE, work=UPDATED), "drift", "Would follow R1 in: name, p"),
        # The pointer of a field is not its name.
        (
            item(UPDATE, work=work(changes=[{"path": "/a~1b~0"}])),
            "drift",
            "Would follow R1 in: a/b~",
        ),
        (
            item(UPDATE, work=work(changes=[{"path": "/p"}], left=["disk_format", "min_disk"])),
            "drift",
            "Would follow R1 in: p; can't be changed: disk_format, min_disk",
        ),
    ],
)
def test_a_dry_run_says_what_would_be_done_and_does_nothing(planned, reason, message):
    dry = planned.as_dry_run()
    assert dry.work is None
    assert dry.outcome == Outcome(reason, message, "i", is_dry=True)
    assert dry.outcome.status == "PLANNED"


def test_what_a_dry_run_has_found_is_planned_too():
    dry = item().with_outcome(Outcome(Reason.IN_SYNC, target_resource="i")).as_dry_run()
    assert (dry.outcome.status, dry.outcome.reason) == ("PLANNED", Reason.IN_SYNC)
    away = item().with_outcome(Outcome(Reason.REGION_UNAVAILABLE, "away")).as_dry_run()
    assert away.outcome.status == "FAILURE", "nothing is known of it"


RECORD = {"id": "i", "name": "one", "tags": ["b", "a"]}


def found(record=RECORD, **more):
    spec = {"owner": "p", "data": {"checksum": "c"}, "fallback": record, **more}
    return item(work=WriteSpec(record=record, **spec))


def test_a_fingerprint_is_the_same_for_what_would_be_written_alike():
    one = found(note="a", members=[["p", "accepted"]], reads_members=True, updates=True)
    tags = {**RECORD, "tags": ["a", "b"]}
    assert one.fingerprint() == found(tags).fingerprint()
    changes = [
        [{"op": "add", "path": "/tags", "value": each}] for each in (["a", "b"], ["b", "a"])
    ]
    first, second = (found(changes=each).fingerprint() for each in changes)
    assert first == second != one.fingerprint()
    # A member's answer is no part of the plan.
    first, second = (
        found(members=[["p", answer]]).fingerprint() for answer in ("pending", "accepted")
    )
    assert first == second


@pytest.mark.parametrize(
    "other",
    [
        found({**RECORD, "name": "two"}),
        found({**RECORD, "tags": ["a"]}),
        found(data={"checksum": "d"}),
        found(owner="q"),
        found(forced=1),
        found(references={"kernel_id": "k"}),
        found(left=["disk_format"]),
        found(members=[["p", "accepted"]]),
        found(removed_members=["p"]),
        found(changes=[{"op": "add", "path": "/name", "value": "two"}]),
        found().with_outcome(Outcome(Reason.IN_SYNC)),
        Item("i", "R3", "R2", CREATE, "i", work=found().work),
        Item("i", "R1", "R2", UPDATE, "i", work=found().work),
        Item("i", "R1", "R2", CREATE, "j", work=found().work),
    ],
)
def test_a_fingerprint_is_another_one_for_all_else(other):
    assert other.fingerprint() != found().fingerprint()


def test_a_dry_run_keeps_the_fingerprint_of_what_it_knows():
    assert found().as_dry_run().digest == found().fingerprint()
    ended = item().with_outcome(Outcome(Reason.IN_SYNC))
    assert ended.as_dry_run().digest == ended.fingerprint()
    away = item().with_outcome(Outcome(Reason.REGION_UNAVAILABLE, "away"))
    assert away.as_dry_run().digest is None


def add(**values):
    return [{"op": "add", "path": f"/{name}", "value": value} for name, value in values.items()]


MEMBERS = {"members": [["new", "accepted"]], "removed_members": ["old"]}
DATA = ImportSpec({"size": 7}, {"disk_format": "raw"}, "p")


@pytest.mark.parametrize(
    ("planned", "reason", "message"),
    [
        (item(work=work(), doubles_name=True), "same_name", "Would be created from R1"),
        (
            item(work=work(imports={}), bytes=7),
            "missing",
            "Would be created from R1; 7 bytes of data would be imported from R1",
        ),
        (
            item(work=work(note="Mind this")),
            "missing",
            "Would be created from R1; Mind this",
        ),
        # Members that are read later are not known.
        (
            item(UPDATE, work=work(changes=add(name="n"), reads_members=True, **MEMBERS)),
            "drift",
            "Would follow R1 in: name",
        ),
        (
            item(UPDATE, work=work(changes=add(name="n"), status="deactivated", **MEMBERS)),
            "drift",
            "Would follow R1 in: members, name, status; members that would be added: new; "
            "members that would be removed: old",
        ),
        (
            item(UPDATE, work=work(removed_members=["old"])),
            "drift",
            "Would follow R1 in: members; members that would be removed: old",
        ),
        (
            item(IMPORT, imports=DATA, bytes=7),
            "no_data",
            "Has no data; 7 bytes of data would be imported from R1",
        ),
        (
            item(IMPORT, imports=dataclasses.replace(DATA, note="Mind this")),
            "no_data",
            "Has no data; 0 bytes of data would be imported from R1; Mind this",
        ),
        # Orphans.
        (
            item(UPDATE, work=work(orphan={"id": "i"})),
            "orphaned",
            "Would be hidden: R1 has deleted it",
        ),
        (
            item(DELETE, work=work(orphan={"id": "i"})),
            "orphaned",
            "Would be deleted: R1 has deleted it",
        ),
        (
            item(UPDATE, work=work(orphan={"id": "i"}, changes=add(os_hidden=False))),
            "revived",
            "Would be shown: R1 has it again",
        ),
        (
            item(
                UPDATE,
                work=work(orphan={"id": "i"}, changes=[{"op": "remove", "path": "/p"}]),
            ),
            "revived",
            "Would be no orphan any more: R1 has it again",
        ),
    ],
)
def test_a_dry_run_says_what_else_would_be_done(planned, reason, message):
    dry = planned.as_dry_run()
    assert (dry.work, dry.imports, dry.digest) == (None, None, planned.fingerprint())
    assert dry.outcome == Outcome(reason, message, "i", is_dry=True)


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"size": 8}},
        {"formats": {}},
        {"owner": "q"},
        {"marks": {"a": "b"}},
        {"hidden": True},
        {"failed_task": "t"},
        {"project": "q"},
        {"references": {"kernel_id": "k"}},
    ],
)
def test_the_fingerprint_of_an_import(other):
    found = item(IMPORT, imports=DATA).fingerprint()
    noted = dataclasses.replace(DATA, note="Mind this")
    assert item(IMPORT, imports=noted).fingerprint() == found
    changed = dataclasses.replace(DATA, **other)
    assert item(IMPORT, imports=changed).fingerprint() != found != item(IMPORT).fingerprint()


def test_a_note_goes_to_what_will_be_told():
    ended = item().with_outcome(Outcome(Reason.CREATED, "Done"))
    assert ended.with_note("a").with_note("b").outcome.message == "Done; a; b"
    imported = item(IMPORT, imports=DATA).with_note("a")
    assert (imported.imports.note, imported.with_note("b").imports.note) == ("a", "a; b")
    made = item(work=work()).with_note("a")
    assert (made.work.note, made.with_note("b").work.note) == ("a", "a; b")
    assert work(note="a").with_note(None).note == work(note="a").with_note("").note == "a"
    assert item().with_note("a") == item()


@pytest.mark.parametrize(("data", "left"), [(None, None), ("pending", "none")])
def test_what_is_left_of_an_item_without_its_work(data, left):
    one = item(work=work(), imports=DATA, data=data)
    assert one.is_to_be_written
    bare = one.without_work()
    assert (bare.work, bare.imports, bare.data) == (None, None, left)
    assert not bare.is_to_be_written


def test_an_image_that_came_after_a_dry_run_is_not_updated():
    assert not item(work=work(updates=True)).as_previewed().work.updates
    assert item().as_previewed() == item()


@pytest.mark.parametrize(
    ("members", "removed", "reads", "changes"),
    [
        ([], [], False, False),
        ([["p", "pending"]], [], False, True),
        ([], ["p"], False, True),
        ([["p", "pending"]], ["p"], True, False),
    ],
)
def test_members_that_were_compared(members, removed, reads, changes):
    one = work(members=members, removed_members=removed, reads_members=reads)
    assert one.changes_members == changes


def test_what_is_seen_of_an_image():
    image = {"owner": "p", "name": "n", "status": "active", "id": "i"}
    assert Seen.of(image) == Seen("p", "n", "active", None, {})
    assert Seen.of({"owner": None, "name": None}) == Seen("", "", None)
    assert [ImportSpec({"size": size}, {}, None).size for size in (7, None)] == [7, 0]
    assert ImportSpec({}, {}, None).size == 0


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (
            item(NONE).with_outcome(Outcome(Reason.IN_SYNC)),
            '{"action": "none", "reason": "in_sync", "source": "R1", "target": "i"}',
        ),
        (
            Item("i", "R1", "R2", CREATE),
            '{"action": "create", "reason": null, "source": "R1", "target": null}',
        ),
    ],
)
def test_a_fingerprint_is_the_one_of_the_release_before(one, text):
    """A dry run of it may be carried out after an upgrade."""
    assert one.fingerprint() == hashlib.sha256(text.encode()).hexdigest()
