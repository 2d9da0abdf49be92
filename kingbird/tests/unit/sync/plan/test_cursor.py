"""The ends of the parts of a plan tell in which targets an image has been planned."""

import pytest

from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.request import Requester, SyncSet, WildcardScope
from kingbird.tests.unit.db.rows import sync_set

ALL3 = ("R1", "R2", "R3")
ME = "a" * 32
EVERYWHERE = WildcardScope(
    SyncSet.from_request(sync_set(["*"], sources=ALL3, targets=ALL3)), Requester(ME, False)
)


def copies(*regions):
    image = {"id": "3", "owner": ME, "status": "active", "created_at": "2026-01-01T00:00:00Z"}
    return dict.fromkeys(regions, image)


def handled(cursor, *regions):
    """Return the targets in which an image that some regions have was planned."""
    return cursor.handled_targets(EVERYWHERE, "3", copies(*regions))


def test_what_one_part_has_planned_stays_planned():
    first = PlanCursor({"R2": "", "R3": "5"})
    assert handled(first, "R1") == {"R1", "R3"}
    # R2 is back, and R3 is away from the beginning of its list.
    second = PlanCursor({"R3": ""}).after(first)
    assert handled(second, "R1") == {"R1", "R2", "R3"}
    # The first part knew no source.
    assert handled(second, "R2") == {"R1", "R2"}
    assert handled(PlanCursor({"R3": ""}), "R1") == {"R1", "R2"}


def test_a_rest_of_named_images_leaves_no_wildcard():
    cursor = PlanCursor({"R3": ""}, earlier=(PlanCursor({}),))
    assert handled(cursor, "R1") == {"R1", "R2", "R3"}


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (PlanCursor({"R2": "", "R3": ""}), PlanCursor({"R3": ""}), False),
        (PlanCursor({"R3": "5"}), PlanCursor({"R3": "7"}), False),
        (PlanCursor({"R3": "5"}), PlanCursor({"R3": ""}), True),
        (PlanCursor({"R2": "5"}), PlanCursor({"R3": "5"}), True),
        (PlanCursor({"R3": ""}, ("R3",)), PlanCursor({"R3": ""}), False),
        (PlanCursor({"R3": ""}), PlanCursor({"R3": ""}, ("R3",)), True),
    ],
)
def test_an_end_is_kept_if_its_part_has_planned_anything_else(first, second, kept):
    assert second.after(first).earlier == ((first,) if kept else ())


def test_a_stored_cursor_has_all_ends():
    cursor = PlanCursor({"R3": ""}).after(PlanCursor({"R3": "5"}, ("R3",)).after(None))
    cursor = PlanCursor({"R2": "1"}).after(cursor)
    assert len(cursor.earlier) == 2
    assert PlanCursor.from_json(cursor.to_json()) == cursor
    # Of an earlier release.
    assert PlanCursor.from_json({"known_to": {"R3": "5"}, "unsorted": []}).earlier == ()


def test_a_region_is_unseen_until_a_part_has_compared_an_image_of_it():
    assert PlanCursor({"R2": "", "R3": "5"}).unseen == {"R2"}
    assert PlanCursor({"R3": ""}).after(PlanCursor({"R3": "5"})).unseen == set()
