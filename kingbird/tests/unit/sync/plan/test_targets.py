"""Copies are looked for under their own ids, and those of forced copies with few calls."""

import pytest

from kingbird import exception
from kingbird.sync import image as fields
from kingbird.sync.image import MAX_FORCED_IDS
from kingbird.sync.plan.targets import TargetLookup, is_forced_copy, merge_results

AWAY, REFUSED = exception.RegionUnavailable("Away"), exception.ImageRequestRejected("No.", 403)


@pytest.mark.parametrize(
    ("answers", "more", "expected"),
    [
        ({}, {"R1": {"a": 1}}, {"R1": {"a": 1}}),
        ({"R1": {"a": 1}}, {"R1": {"b": 2}}, {"R1": {"a": 1, "b": 2}}),
        ({"R1": {"a": 1}}, {"R1": {"a": 2}}, {"R1": {"a": 2}}),
        ({"R1": {"a": 1}}, {"R2": {}}, {"R1": {"a": 1}, "R2": {}}),
        # The first error stays.
        ({"R1": {"a": 1}}, {"R1": AWAY}, {"R1": AWAY}),
        ({"R1": AWAY, "R2": {}}, {"R1": {"a": 1}, "R2": {"b": 2}}, {"R1": AWAY, "R2": {"b": 2}}),
        ({"R1": AWAY}, {"R1": REFUSED}, {"R1": AWAY}),
    ],
)
def test_answers_come_together(answers, more, expected):
    assert merge_results(answers, more) is answers
    assert answers == expected


def forced(source_id, region="R2"):
    return {fields.forced_id(source_id, region, n) for n in range(1, MAX_FORCED_IDS + 1)}


@pytest.mark.parametrize(("number", "has_room"), [(1, True), (4, True), (5, False), (100, False)])
def test_forced_copies_are_asked_for_where_one_call_has_room(number, has_room):
    """One of a hundred ids."""
    ids = {f"i{n}" for n in range(number)}
    lookup = TargetLookup(None)
    found = lookup.ids_of_copies({"R2": ids, "R3": set()})
    assert found.keys() == {"R2"}
    expected = ids.union(*map(forced, ids)) if has_room else ids
    assert found["R2"] == expected
    assert lookup._complete == ({"R2": ids} if has_room else {})


@pytest.mark.parametrize(
    ("image", "is_one"),
    [
        ({"id": fields.forced_id("i", "R2", 1), fields.FORCED: "true"}, True),
        ({"id": fields.forced_id("i", "R2", MAX_FORCED_IDS), fields.FORCED: "true"}, True),
        ({"id": fields.forced_id("i", "R3", 1), fields.FORCED: "true"}, False),
        ({"id": fields.forced_id("i", "R2", 1)}, False),
        ({"id": fields.forced_id("i", "R2", 1), fields.FORCED: "false"}, False),
        # It has the id of its source.
        ({"id": "i", fields.FORCED: "true"}, False),
        ({"id": "other", fields.FORCED: "true"}, False),
    ],
)
def test_a_forced_copy(image, is_one):
    assert is_forced_copy("R2", {**image, fields.SOURCE_ID: "i"}) == is_one
