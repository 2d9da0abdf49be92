"""Parts of a plan of namespaces: what is left of the sets, and what waits for a region."""

import threading

import pytest

from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.metadefs.part import Part
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.retry import Retry
from kingbird.tests.unit.sync.metadefs.scene import a_set
from kingbird.tests.unit.sync.scene import submit

ALL3 = ["R1", "R2", "R3"]
TO_TWO = a_set("n", sources=["R1"], targets=["R2", "R3"])
FROM_TWO = a_set("n", sources=["R1", "R2"], targets=["R3"])
EVERYWHERE = a_set(sources=ALL3, targets=ALL3)


def part(*sets, cursor=None, away=()):
    calls = RegionCalls(submit, Retry(lambda: 0, threading.Event()), away=away)
    return Part(sets, cursor, calls)


def left(*ends):
    """Return the end of the last of some parts, which have left regions."""
    cursor = None
    for away in ends:
        cursor = PlanCursor(dict.fromkeys(away, "")).after(cursor)
    return cursor


@pytest.mark.parametrize(
    ("sets", "cursor", "targets"),
    [
        ([TO_TWO], None, [("R2", "R3")]),
        ([TO_TWO], left(["R3"]), [("R3",)]),
        # A source that was away concerns every target.
        ([TO_TWO], left(["R1"]), [("R2", "R3")]),
        ([TO_TWO], left(["R9"]), []),
        # A target that one of the parts before has compared is not left.
        ([TO_TWO], left(["R1"], ["R3"]), [("R3",)]),
        ([TO_TWO], left(["R2"], ["R3"]), []),
        ([TO_TWO, FROM_TWO], left(["R2"]), [("R2", "R3"), ("R3",)]),
        ([FROM_TWO, TO_TWO], left(["R3"]), [("R3",), ("R3",)]),
        ([a_set("n", targets=["R2"]), FROM_TWO], left(["R3"]), [("R3",)]),
        ([EVERYWHERE], left(["R2"]), [("R1", "R2", "R3")]),
    ],
)
def test_what_is_left_of_the_sets(sets, cursor, targets):
    found = part(*sets, cursor=cursor)
    assert [one.targets for one in found.sets] == targets
    assert found.follows == (cursor is not None)


@pytest.mark.parametrize(
    ("sets", "away", "target", "is_complete"),
    [
        ([TO_TWO], [], "R2", True),
        ([TO_TWO], ["R2"], "R2", False),
        ([TO_TWO], ["R3"], "R2", True),
        ([TO_TWO], ["R1"], "R2", False),
        # Another set may bring it from there.
        ([TO_TWO, FROM_TWO], ["R2"], "R3", False),
    ],
)
def test_what_a_target_may_follow(sets, away, target, is_complete):
    assert part(*sets, away=away).is_complete(target) == is_complete


@pytest.mark.parametrize(
    ("away", "source", "is_there", "waits"),
    [
        ([], "R1", True, False),
        ([], None, False, False),
        # A target that is away has to be asked.
        (["R3"], "R1", True, True),
        (["R3"], "R1", False, True),
        (["R3"], None, False, True),
        # The other source may have it, or the right one.
        (["R2"], None, False, True),
        (["R2"], "R1", True, True),
        # It is made from the source that has it.
        (["R2"], "R1", False, False),
    ],
)
def test_what_waits_for_a_region(away, source, is_there, waits):
    found = part(FROM_TWO, away=away)
    assert found.away == set(away)
    assert found.defers(FROM_TWO, source, "R3", is_there=is_there) == waits
    assert found.end() == (PlanCursor(dict.fromkeys(away, "")) if waits else None)
    # It stays so, whatever follows.
    found.defers(FROM_TWO, "R1", "R3", is_there=False)
    assert (found.end() is not None) == (waits or "R3" in away)


def test_a_region_that_is_away_leaves_nothing_if_nothing_was_to_do():
    found = part(TO_TWO, away=["R2"])
    assert found.end() is None
    found.defer()
    assert found.end() == PlanCursor({"R2": ""})
    nobody = part(TO_TWO)
    nobody.defer()
    assert nobody.end() is None


@pytest.mark.parametrize(
    ("away", "is_left"), [([], False), (["R2"], True), (["R9"], False), (["R2", "R3"], True)]
)
def test_a_whole_region_is_left_if_it_is_away(away, is_left):
    found = part(EVERYWHERE, away=away)
    assert found.end() == (PlanCursor(dict.fromkeys(away, "")) if is_left else None)


def test_the_end_of_a_part_knows_the_ones_before():
    found = part(EVERYWHERE, cursor=left(["R3"]), away=["R2"])
    assert found.end() == left(["R3"], ["R2"])
