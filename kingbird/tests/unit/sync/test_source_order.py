"""Test which copy is an image's source."""

import pytest

from kingbird.sync import image as fields
from kingbird.sync.source_order import SourceOrder

ME, YOU, THEM = "a" * 32, "b" * 32, "c" * 32


def copy(owner=ME, year=2020, status="active"):
    created = f"{year}-01-01T00:00:00Z" if year else None
    return {"owner": owner, "created_at": created, "status": status}


@pytest.mark.parametrize(
    ("copies", "preferred", "own", "chosen"),
    [
        ({}, (), None, None),
        # Data come before the order of the request, which comes before age and name.
        ({"R1": copy(status="queued"), "R2": copy()}, ("R1",), None, "R2"),
        ({"R1": copy(year=2010), "R2": copy()}, ("R2",), None, "R2"),
        ({"R1": copy(), "R2": copy(year=2010)}, (), None, "R2"),
        ({"R2": copy(), "R1": copy()}, (), None, "R1"),
        ({"R1": copy(year=None), "R2": copy()}, (), None, "R2"),
        # The owner of the oldest copy has the id, whatever else the others have.
        ({"R1": copy(YOU, 2010, "queued"), "R2": copy(THEM)}, ("R2",), None, "R1"),
        ({"R1": copy(YOU, 2010, "queued"), "R2": copy(THEM), "R3": copy(YOU)}, (), None, "R3"),
        ({"R1": copy(None, 2010), "R2": copy(THEM)}, (), None, "R1"),
        ({"R1": copy(THEM, None), "R2": copy(YOU)}, (), None, "R2"),
        # If both are of one second, the request decides.
        ({"R1": copy(YOU), "R2": copy(THEM)}, ("R2", "R1"), None, "R2"),
        ({"R1": copy(YOU), "R2": copy(THEM)}, (), None, "R1"),
        # The copies of a member's own project come first.
        ({"R1": copy(YOU, 2010), "R2": copy(ME, status="queued")}, ("R1",), ME, "R2"),
        ({"R1": copy(YOU, 2010, "queued"), "R2": copy(THEM)}, ("R2",), ME, "R1"),
    ],
)
def test_the_source(copies, preferred, own, chosen):
    """Choose among the copies of the owner who has the id."""
    order = SourceOrder(preferred, own)
    found = order.choose(order.rightful(copies))
    assert (found and found[0]) == chosen


@pytest.mark.parametrize(
    ("preferred", "chosen", "status", "other", "may"),
    [
        (("R1", "R2"), "R2", "active", "R1", True),
        (("R1", "R2"), "R1", "active", "R2", False),
        # It may have data, or be older.
        (("R1", "R2"), "R1", "queued", "R2", True),
        ((), "R1", "active", "R2", True),
        (("R1",), "R1", "active", "R2", False),
        (("R1",), "R3", "active", "R2", True),
    ],
)
def test_a_source_that_is_not_known(preferred, chosen, status, other, may):
    """Let an unknown copy precede the chosen one only if its region may."""
    order = SourceOrder(preferred, None)
    assert order.may_precede(other, (chosen, copy(status=status))) is may


def marked(*, home="R9", orphaned=False, **more):
    """Return a copy by Kingbird, which is hidden as an orphan if it is one."""
    marks = {"id": "i", fields.SOURCE_ID: "i", fields.SOURCE_REGION: home}
    if orphaned:
        marks[fields.ORPHANED_AT] = "2026-01-01T00:00:00Z"
    return copy(**more) | marks


ORPHAN = marked(orphaned=True)


@pytest.mark.parametrize(
    ("copies", "preferred", "chosen"),
    [
        # An orphan is the source only if there is nothing else.
        ({"R1": ORPHAN}, (), "R1"),
        ({"R1": ORPHAN, "R2": copy(status="queued")}, ("R1",), "R2"),
        ({"R1": copy(status="queued"), "R2": ORPHAN}, ("R2",), "R1"),
        ({"R1": ORPHAN, "R2": marked(orphaned=True, year=2010)}, ("R1",), "R1"),
        # Marks of a region itself say nothing.
        ({"R1": marked(home="R1", orphaned=True), "R2": copy()}, ("R1",), "R1"),
        # Of one second, the original comes first.
        ({"R1": marked(), "R2": copy()}, (), "R2"),
        ({"R1": marked(), "R2": copy(year=2021)}, (), "R1"),
        ({"R1": marked(), "R2": copy()}, ("R1",), "R1"),
        ({"R1": marked(status="queued"), "R2": copy(status="queued")}, (), "R2"),
        ({"R1": copy(), "R2": copy()}, ("R3", "R2"), "R2"),
    ],
)
def test_copies_by_kingbird(copies, preferred, chosen):
    order = SourceOrder(preferred, None)
    assert order.choose(copies) == (chosen, copies[chosen])


def test_an_orphan_may_have_a_better_source_anywhere():
    order = SourceOrder(("R1", "R2"), None)
    assert order.may_precede("R3", ("R1", ORPHAN))
    assert not order.may_precede("R3", ("R1", marked()))
    # At its home an image is no orphan, whatever marks it has.
    assert not order.may_precede("R3", ("R1", marked(orphaned=True, home="R1")))


@pytest.mark.parametrize("own", [ME, None])
def test_all_copies_of_one_owner_are_rightful(own):
    copies = {"R1": copy(YOU), "R2": copy(YOU, 2010)}
    assert SourceOrder((), own).rightful(copies) == copies
    both = {**copies, "R3": copy(THEM, 2015)}
    assert SourceOrder((), own).rightful(both) == copies
