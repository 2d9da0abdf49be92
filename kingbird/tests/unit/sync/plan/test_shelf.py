"""A walk looks up what it has listed, however much that is."""

import tracemalloc

import pytest

from kingbird.states import Reason
from kingbird.sync import image as fields
from kingbird.sync.item import Item
from kingbird.sync.outcome import Outcome
from kingbird.sync.plan import shelf
from kingbird.sync.plan.shelf import ForcedCopies, MovedImages, Shelf

MANY = 300


def copy(number, n=1, region="R2", **more):
    source_id = f"source {number}"
    marks = {fields.SOURCE_ID: source_id, fields.FORCED: "true", fields.SOURCE_REGION: "R1"}
    properties = {f"property{one}": f"value {one} of {number}" for one in range(30)}
    return {"id": fields.forced_id(source_id, region, n), **marks, **properties, **more}


@pytest.mark.parametrize("in_memory", [0, 1, 2, 1000])
def test_what_was_put_last_is_there(monkeypatch, in_memory):
    monkeypatch.setattr(shelf, "IN_MEMORY", in_memory)
    kept = Shelf()
    for value in ("old", "\ud800", None, {"new": [1, None]}):
        kept.put("R1", "a", "x", value)
        kept.put("R1", "a", "y", value)
        kept.put("R2", "a", "x", [value])
        assert kept.get("R1", "a") == {"x": value, "y": value}
        assert kept.get("R2", "a") == {"x": [value]}
    assert kept.get("R1", "b") == kept.get("R3", "a") == {}
    kept.close()


def test_many_forced_copies_take_no_memory(monkeypatch):
    """A forced sync of ten thousand images makes as many in each target."""
    monkeypatch.setattr(shelf, "IN_MEMORY", MANY // 3)
    forced = ForcedCopies()
    tracemalloc.start()
    try:
        for number in range(MANY):
            both = copy(number), copy(number, 2)
            forced.add("R2", [*both, copy(number, region="R3"), {"id": "no copy"}])
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # They would take 7 kB each.
    assert most < 1_000_000
    assert held < 1_000_000
    for number in (0, MANY // 2, MANY - 1):
        wanted = {one["id"]: one for one in (copy(number), copy(number, 2))}
        assert forced.copies_of("R2", f"source {number}") == wanted
    assert not forced.copies_of("R3", "source 1")
    forced.close()


def test_images_that_are_in_sync_under_another_id(monkeypatch):
    monkeypatch.setattr(shelf, "IN_MEMORY", 2)
    moved = MovedImages()
    items = [
        Item(f"image {number}", "R1", "R2", name="n").with_outcome(
            Outcome(Reason.IN_SYNC, target_resource=f"copy {number}")
        )
        for number in range(5)
    ]
    for item in items:
        moved.add(item)
    assert [moved.find("R2", f"image {number}") for number in range(5)] == items
    assert moved.find("R3", "image 1") is None
    moved.close()
