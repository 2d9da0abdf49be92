"""A cell tells what the job tells, and no more."""

from typing import Any

import pytest

from kingbird.osc import matrix
from kingbird.osc.images import ImageSummary
from kingbird.osc.matrix import Selection

REGIONS = ("R1", "R2", "R3")
OWNER = "owner"


def item(
    image: str, target: str, reason: str | None, source: str = "R1", action: str = "none"
) -> dict[str, Any]:
    """Return an item as the API shows it."""
    return {
        "resource": image,
        "source_region": source,
        "target_region": target,
        "sync_status": "PLANNED",
        "action": action,
        "reason": reason,
        "message": None,
    }


def known(
    *ids: str, status: str = "active", refers: tuple[str, ...] = ()
) -> dict[str, ImageSummary]:
    """Return what Glance tells of images."""
    return {one: ImageSummary(one, f"name of {one}", OWNER, status, refers) for one in ids}


def cells(items: Any, selection: Selection, about: dict[str, ImageSummary]) -> dict[str, str]:
    """Return each image's symbols, a point where a cell is blank."""
    made = matrix.rows(items, REGIONS, selection, about)
    return {row.id: "".join(cell or "." for cell in row.cells) for row in made}


NAMED = Selection(targets=REGIONS)
WHOLE = Selection(targets=REGIONS, wildcard=True, owner=OWNER)


@pytest.mark.parametrize(
    ("reason", "symbols"),
    [
        ("missing", "=+."),
        ("drift", "=~."),
        ("in_sync", "==."),
        ("no_data", "=o."),
        ("owner_conflict", "=!."),
        ("deleted_in_target", "=!."),
        # The source was perhaps not read.
        ("source_gone", ".!."),
        ("region_unavailable", ".!."),
        (None, ".!."),
    ],
)
def test_an_item_tells_of_its_target_and_perhaps_of_its_source(
    reason: str | None, symbols: str
) -> None:
    assert cells([item("a", "R2", reason)], NAMED, known("a")) == {"a": symbols}


@pytest.mark.parametrize(("action", "symbols"), [("create", "=+."), ("none", "=!.")])
def test_a_doubled_name_is_created_or_a_problem_and_has_a_reason(
    action: str, symbols: str
) -> None:
    items = [item("a", "R2", "same_name", action=action)]
    (row,) = matrix.rows(items, REGIONS, NAMED, known("a"))
    assert "".join(cell or "." for cell in row.cells) == symbols
    assert row.reasons == {"R2": "same_name"}


def test_a_wildcard_without_an_item_is_in_sync() -> None:
    items = [item("a", "R2", "missing")]
    assert cells(items, WHOLE, known("a")) == {"a": "=+="}
    # R3 is no target: nobody looked there for this image.
    no_target = Selection(targets=("R2",), wildcard=True, owner=OWNER)
    assert cells(items, no_target, known("a")) == {"a": "=+."}


def test_a_region_that_was_not_listed_tells_nothing() -> None:
    items = [item("a", "R2", "missing"), item("*", "R3", "region_unavailable")]
    assert cells(items, WHOLE, known("a")) == {"a": "=+."}


def test_what_comes_along_with_another_image_was_not_compared_everywhere() -> None:
    items = [item("ami", "R2", "missing"), item("kernel", "R2", "missing")]
    about = {**known("ami", refers=("kernel",)), **known("kernel", status="queued")}
    assert cells(items, WHOLE, about) == {"ami": "=+=", "kernel": "=+."}
    # With data it is in the selection itself, unless a filter may leave it out.
    about |= known("kernel")
    assert cells(items, WHOLE, about) == {"ami": "=+=", "kernel": "=+="}
    filtered = Selection(targets=REGIONS, wildcard=True, owner=OWNER, filtered=True)
    assert cells(items, filtered, about) == {"ami": "=+=", "kernel": "=+."}
    # The references of an unknown image are unknown.
    del about["ami"]
    assert cells(items, filtered, about) == {"ami": "=+.", "kernel": "=+."}


def test_another_project_s_image_is_not_in_the_selection() -> None:
    items = [item("a", "R2", "not_owner")]
    theirs = {"a": ImageSummary("a", "a", "somebody", "active")}
    assert cells(items, WHOLE, theirs) == {"a": "=!."}
    everybody = Selection(targets=REGIONS, wildcard=True)
    assert cells(items, everybody, theirs) == {"a": "=!="}


def test_rows_come_by_name_and_differ_or_not() -> None:
    items = [item("b", "R2", "in_sync"), item("a", "R2", "in_sync"), item("c", "R2", "in_sync")]
    made = matrix.rows(items, REGIONS, NAMED, known("b", "a"))
    assert [row.id for row in made] == ["c", "a", "b"]
    assert not matrix.differs(made)
    assert matrix.differs(matrix.rows([item("a", "R2", "missing")], REGIONS, NAMED, {}))


def test_the_lines_below() -> None:
    drifted = {**item("a", "R2", "drift"), "message": "Differs in: tags"}
    items = [drifted, item("*", "R3", "listing_incomplete"), item("b", "R2", "missing")]
    made = matrix.rows(items, REGIONS, WHOLE, known("a"))
    counts = {"R2": {"statuses": {}, "outcomes": {"in_sync": 7, "drift": 1}}}
    lines = matrix.summary(made, items, {"regions": counts})
    assert "Copies in sync by region, with and without a row: R2 7" in lines
    assert "  R3: listing_incomplete" in lines
    assert "  name of a in R2: drift: Differs in: tags (a)" in lines
    assert not [line for line in lines if "missing" in line]
    # An API that counts by no region.
    assert "none" in matrix.summary([], [], {})[1]
