"""The state of a namespace that the outcome of a write tells."""

import pytest

from kingbird.sync.metadefs.finding import finding_after
from kingbird.sync.metadefs.item import NamespaceSpec
from kingbird.sync.outcome import Outcome

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
