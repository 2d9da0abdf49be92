"""The sets of a retry: those of the request, limited to the items that are retried."""

import pytest

from kingbird.sync.plan.retry_sets import compared, sets_to_retry
from kingbird.sync.request import SyncSet


class Names(tuple):
    """Names that are walked through, and never searched."""

    walks = 0

    def __iter__(self):
        Names.walks += 1
        return super().__iter__()

    def __contains__(self, name):
        raise AssertionError("Each item would look at all images of the request")


def parts(found):
    return [(one.resources, one.targets) for one in found.sets]


def test_no_item_looks_at_all_images_of_the_request():
    names = Names(f"image {n}" for n in range(1000))
    one = SyncSet(names, ("R1",), ("R2", "R3"))
    pairs = [(name, target) for name in list(names) for target in ("R2", "R3")]
    Names.walks = 0
    assert parts(sets_to_retry([one], pairs)) == [(names, ("R2",)), (names, ("R3",))]
    assert Names.walks < 10


def test_the_sets_that_an_item_may_belong_to():
    named = SyncSet(("a", "b"), ("R1",), ("R2",))
    both = SyncSet(("b", "c"), ("R1",), ("R2", "R3"))
    everything = SyncSet(("*",), ("R1",), ("R3",))
    found = sets_to_retry(
        [named, both, everything],
        [("a", "R2"), ("b", "R2"), ("b", "R3"), ("kernel", "R2"), ("kernel", "R3"), ("c", "R4")],
    )
    assert parts(found) == [
        (("a", "kernel"), ("R2",)),
        (("b",), ("R2",)),
        (("b",), ("R2",)),
        (("b",), ("R3",)),
        (("b",), ("R3",)),
        (("kernel",), ("R3",)),
        (("c",), ("R4",)),
    ]
    assert not found.regions


@pytest.mark.parametrize(
    ("regions", "away", "done"),
    [
        # A target needs all sources, and no other target.
        (("R3", "R4"), ("R4",), {"R3"}),
        (("R3", "R4"), ("R2",), set()),
        # A source has to do with all targets.
        (("R1", "R3"), ("R4",), {"R3"}),
        (("R1", "R3"), ("R5",), {"R1", "R3"}),
    ],
)
def test_what_a_retry_has_compared(regions, away, done):
    sets = [
        SyncSet(("*",), ("R1", "R2"), ("R3", "R4")),
        # An image by id has an item of its own.
        SyncSet(("a",), ("R1",), ("R5",)),
    ]
    assert compared(sets, regions, away) == done
