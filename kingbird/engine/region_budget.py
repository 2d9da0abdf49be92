"""Bound the memory of plans that are made at the same time.

A walk has a page or two of each region in memory, so memory grows with the regions of all plans.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

from kingbird.sync.request import SyncSet

#: Regions that plans walk through at the same time, and those that second parts of plans do, which
#: wait for regions that lag: they hold up no new job.  A region takes about 7 MiB.
FIRST_PARTS, LATER_PARTS = 24, 12
#: The share of a plan of named images, which has some thousands of them in memory, and those of
#: all such plans.  They wait for no walk, so that one image is not behind whole regions.
NAMED, NAMED_PLANS = 2, 8
#: Seconds between two looks whether a plan is to go on waiting.
INTERVAL = 0.5


def regions_of(sets: Iterable[SyncSet]) -> int:
    """Return the number of regions that a plan of some sets has in memory."""
    return max(len(_walked(sets)), NAMED)


def _walked(sets: Iterable[SyncSet]) -> set[str]:
    return {region for one in sets if one.is_wildcard for region in one.regions}


class RegionBudget:
    """Let plans begin in their order, as far as their regions have room.

    :param total: the number of regions.  A plan with more has all of them.
    """

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, regions: int, check: Callable[[], None]) -> Iterator[None]:
        """Wait for room, and have it during the block.

        :param check: called now and then while it waits; it raises to give up.
        """
        number = min(regions, self._total)
        self._wait(number, check)
        try:
            yield
        finally:
            with self._changed:
                self._free += number
                self._changed.notify_all()

    def _wait(self, number: int, check: Callable[[], None]) -> None:
        place = object()
        with self._changed:
            self._waiting.append(place)
        try:
            while not self._take(place, number):
                check()
        finally:
            with self._changed:
                self._waiting.remove(place)
                self._changed.notify_all()

    def _take(self, place: object, number: int) -> bool:
        """Take room if it is a plan's turn, or wait for a change."""
        with self._changed:
            if self._waiting[0] is not place or self._free < number:
                self._changed.wait(INTERVAL)
                return False
            self._free -= number
            return True


class PlanBudgets:
    """The room for plans: for those that walk through regions, their later parts, and others."""

    def __init__(self) -> None:
        self._first_parts = RegionBudget(FIRST_PARTS)
        self._later_parts = RegionBudget(LATER_PARTS)
        self._named = RegionBudget(NAMED_PLANS)

    def hold(
        self, sets: Collection[SyncSet], check: Callable[[], None], *, is_first: bool
    ) -> AbstractContextManager[None]:
        """Wait for the room of a part of a plan; see :meth:`RegionBudget.hold`."""
        budget = self._first_parts if is_first else self._later_parts
        if not _walked(sets):
            budget = self._named
        return budget.hold(regions_of(sets), check)
