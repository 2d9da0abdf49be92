"""Items of namespaces: what they write, and what they say before."""

import dataclasses

import pytest

from kingbird.states import Reason
from kingbird.sync.metadefs.item import NamespaceItem, NamespaceSpec, gone, owner_conflict
from kingbird.sync.outcome import Outcome
from kingbird.sync.planned import CREATE, NONE, UPDATE

RECORD = {"namespace": "n", "owner": "o"}


def item(action=CREATE, work=None, **more):
    return NamespaceItem("key", "R1", "R2", action, work=work, name="n", **more)


def there(**more):
    return NamespaceSpec(RECORD, exists=True, **more)


def test_work_is_to_create_a_namespace_unless_it_says_more():
    assert dataclasses.asdict(NamespaceSpec(RECORD)) == {
        "record": RECORD,
        "exists": False,
        "updates": False,
        "creates": [],
        "changes": [],
        "left": [],
    }
    assert item().differences == {}


@pytest.mark.parametrize(
    ("planned", "reason", "message"),
    [
        (item(work=NamespaceSpec(RECORD)), "missing", "Would be created from R1"),
        (item(), "missing", "Would be created from R1"),
        (
            item(work=there(creates=["tag a", "tag b"])),
            "missing",
            "Would get from R1: tag a, tag b",
        ),
        (
            item(UPDATE, there(changes=["description"], left=["tag a"])),
            "drift",
            "Would follow R1 in: description; Differs from the namespace in R1 in: tag a",
        ),
        (
            item(UPDATE, there(creates=["tag a"], changes=["description"])),
            "drift",
            "Would get from R1: tag a; Would follow R1 in: description",
        ),
    ],
)
def test_a_dry_run_says_what_would_be_done(planned, reason, message):
    dry = planned.as_dry_run()
    assert dry.work is None
    assert dry.outcome == Outcome(reason, message, is_dry=True)
    assert dry.digest == planned.fingerprint()
    named = dataclasses.replace(planned, target_resource="key").as_dry_run()
    assert named.outcome.target_resource == "key"


def test_an_item_that_has_ended_is_told_as_it_is():
    ended = item(NONE).with_outcome(Outcome(Reason.IN_SYNC))
    assert ended.as_dry_run().outcome == dataclasses.replace(ended.outcome, is_dry=True)


@pytest.mark.parametrize(
    "other",
    [
        {"record": {**RECORD, "description": "d"}},
        {"exists": True},
        {"updates": True},
        {"creates": ["tag a"]},
        {"changes": ["description"]},
        {"left": ["description"]},
    ],
)
def test_the_fingerprint_is_of_all_that_is_written(other):
    one = item(work=NamespaceSpec(RECORD))
    changed = item(work=dataclasses.replace(NamespaceSpec(RECORD), **other))
    assert one.fingerprint() == item(work=NamespaceSpec(dict(RECORD))).fingerprint()
    assert one.fingerprint() != changed.fingerprint() != item().fingerprint()


def test_an_item_without_its_work():
    one = item(work=NamespaceSpec(RECORD))
    assert one.is_to_be_written
    assert one.without_work() == item()
    assert not item().is_to_be_written


def test_what_came_after_a_dry_run_is_not_updated():
    new = item(work=NamespaceSpec(RECORD, updates=True))
    assert new.as_previewed() == item(work=NamespaceSpec(RECORD))
    for same in (item(), item(work=there(updates=True))):
        assert same.as_previewed() is same


def test_sentences_name_the_region():
    assert gone("R1 or R3") == Outcome(
        "source_gone", "The namespace can't be found in R1 or R3 any more"
    )
    conflict = owner_conflict("R2")
    assert conflict.reason == "owner_conflict"
    assert conflict.message.startswith("In R2 a namespace of this name")
