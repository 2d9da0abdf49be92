"""Bound the memory of plans that are made at the same time.

A walk has a page or two of each region in memory, so memory grows with the regions of all plans.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from kingbird.sync.request import SyncSet

#: Regions that plans walk through at the same time, and those that second parts of plans do, which
#: wait for regions that lag: they hold up no new job.  A region takes about 7 MiB.
FIRST_PARTS, LATER_PARTS = 24, 12
#: The share of a plan of many named images, which has some thousands of them in memory.
NAMED = 2
#: Images and targets of a plan that takes no room.  One image waits for no walk of others, and for
#: no plan that waits for a region.
FEW = 500
#: Seconds between two looks whether a plan is to go on waiting.
INTERVAL = 0.5


def regions_of(sets: Iterable[SyncSet]) -> int:
    """Return the number of regions that a plan of some sets has in memory."""
    walked: set[str] = set()
    named = 0
    for one in sets:
        if one.is_wildcard:
            walked.update(one.regions)
        else:
            named += len(one.resources) * len(one.targets)
    return max(len(walked), NAMED if named > FEW else 0)


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
        if number:
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
