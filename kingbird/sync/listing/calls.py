"""Calls to the regions that one part of a plan needs, all at the same time.

A region that takes much longer than the others lags.  The plan goes on without it, and leaves it
to a later part, which waits.  So it does with a region that is away, if the job may wait for it.
"""

import copy
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from concurrent import futures
from typing import Any, Final

from kingbird import exception
from kingbird.sync.retry import Retry, Submit

#: A region lags if it takes so many times as long as the slowest answer elsewhere.
LAG_FACTOR = 5
#: Seconds between two looks whether a job is to end, or a region lags.
INTERVAL = 0.05


class RegionLags(exception.RegionUnavailable):
    """Other regions need not wait for a region's answer."""

    def __init__(self, region: str) -> None:
        super().__init__(
            f"Region {region} answers much more slowly than the others, or not at all"
        )


def nowhere(region: str) -> bool:
    """Say of any region that no plan waits for it."""
    return False


class RegionCalls:
    """The calls to some regions.

    :param retry: makes each call, and knows whether the job is to end.
    :param moved_at: returns the monotonic time at which a call of any job to a region ended last.
        A call that waits in a queue behind them is not the region's delay as long as they end.
    :param is_away: returns whether a region that gave no answer is away, and the plan waits for
        it.
    :param away: regions that were found away before, and are not asked.
    :param clock: returns a monotonic time in seconds.
    :ivar lagging: the regions that lag, and those that are away.
    :ivar away: the regions that are away, of all parts.
    :ivar listed: the number of images that were listed, by region.
    """

    def __init__(
        self,
        submit: Submit,
        retry: Retry,
        listed: Counter[str] | None = None,
        moved_at: Callable[[str], float] = lambda region: 0.0,
        is_away: Callable[[str], bool] = nowhere,
        away: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lagging: set[str] = set()
        self.away: Final = set(away)
        self.listed: Counter[str] = Counter() if listed is None else listed
        self._submit = submit
        self._retry = retry
        self._regions: Collection[str] = ()
        self._timeout: float | None = None
        #: Seconds of each region's slowest answer.
        self._slowest: dict[str, float] = {}
        #: The monotonic time at which a region was last asked or answered.
        self._active_at: dict[str, float] = {}
        self._moved_at = moved_at
        self._is_away = is_away
        self._clock = clock
        #: True if another part may ask a region that is away for the rest.
        self._has_later_part = False
        #: The calls that have begun and not ended, by region.
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    def for_part(
        self, regions: Collection[str], slow_region_timeout: float | None
    ) -> "RegionCalls":
        """Return the calls of a part of a plan, for which no region lags yet.

        :param regions: the regions that the part needs.
        :param slow_region_timeout: seconds after which a region much slower than the others lags;
            ``None`` waits for all.
        """
        calls = copy.copy(self)
        calls.lagging = self.away.intersection(regions)
        calls._slowest, calls._active_at, calls._running = {}, {}, Counter()
        calls._has_later_part = True
        calls._regions = regions
        # Without a source and another target there is nothing to go on with.
        calls._timeout = slow_region_timeout if len(regions) > 2 else None
        return calls

    def begin(
        self, region: str, function: Callable[..., Any], /, *args: Any, **options: Any
    ) -> "futures.Future[Any]":
        """Call ``function(*args, **options)`` on a worker of a region, unless it lags."""
        if region in self.lagging:
            none: futures.Future[Any] = futures.Future()
            none.set_exception(RegionLags(region))
            return none
        self._active_at[region] = self._clock()

        def timed() -> Any:
            self._active_at[region] = begin = self._clock()
            self._count(region, 1)
            try:
                answer = self._retry(function, *args, **options)
            finally:
                self._count(region, -1)
            self._active_at[region] = now = self._clock()
            self._slowest[region] = max(self._slowest.get(region, 0.0), now - begin)
            return answer

        return self._submit(region, timed)

    def _count(self, region: str, by: int) -> None:
        with self._lock:
            self._running[region] += by

    def wait(self, region: str, call: "futures.Future[Any]") -> Any:
        """Return the answer to a call.

        :raises RegionLags: other regions need not wait for it.
        """
        self._retry.check()
        while not futures.wait([call], INTERVAL).done:
            self.check(region)
        return self.result(region, call)

    def result(self, region: str, call: "futures.Future[Any]") -> Any:
        """Return the answer to a call that has ended.

        :raises RegionLags: the region is away, and another part of the plan waits for it.
        """
        try:
            return call.result()
        except RegionLags:
            raise
        except exception.RegionUnavailable as error:
            if not (self._has_later_part and self._is_away(region)):
                raise
            self.away.add(region)
            self.lagging.add(region)
            raise RegionLags(region) from error

    def check(self, region: str) -> None:
        """Check whether to go on waiting for a region.

        :raises RegionLags: other regions need not wait for it.
        :raises kingbird.exception.KingbirdError: the job is to end; see :class:`Retry`.
        """
        self._retry.check()
        if self._takes_too_long(region):
            self.lagging.add(region)
            raise RegionLags(region)

    def _takes_too_long(self, region: str) -> bool:
        if self._timeout is None:
            return False
        others = [
            self._slowest.get(name)
            for name in self._regions
            if name != region and name not in self.lagging
        ]
        answered = [seconds for seconds in others if seconds is not None]
        if not answered:
            # If all are slow, none lags.
            return False
        limit = max(self._timeout, LAG_FACTOR * max(answered))
        if 2 * len(answered) <= len(others):
            # Most are slow, so the load may be the reason.
            limit *= LAG_FACTOR
        since = self._active_at[region]
        if not self._running[region]:
            since = max(since, self._moved_at(region))
        return self._clock() - since >= limit
