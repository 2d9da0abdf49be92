"""Items: what is stored of their work, and what they say before and after it."""

import pytest

from kingbird.states import Reason
from kingbird.sync.item import CREATE, DATA_FIELDS, NONE, UPDATE, Item, WriteSpec
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
