"""Make fewer calls to a region at a time while the region has too much to do.

The number is halved when the region answers 429 or 503, or takes long to answer, and grows by one
for each round of sound answers.  An engine learns for itself: no two of them talk about it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kingbird import events

LOG = logging.getLogger(__name__)

#: Answers of a region that has too much to do.
BUSY = frozenset({"429", "503"})
#: Seconds after which an answer, or its absence, tells the same.
SLOW = 5.0


@dataclass
class _Region:
    #: The calls that may run at a time, as far as the region's answers tell.
    limit: int
    running: int = 0
    #: Sound answers since the limit was changed.
    sound: int = 0
    #: The monotonic time of the last cut: answers to earlier calls are about the former limit.
    cut_at: float = 0.0
    changed: threading.Condition = field(default_factory=threading.Condition)


class RegionLimits:
    """Limit the calls of an engine to each region.  Safe for threads.

    :param most: returns the number of calls that one region may have at a time at most.
    """

    def __init__(
        self, most: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._clock = clock
        self._regions: dict[str, _Region] = {}
        self._lock = threading.Lock()

    @contextmanager
    def call(self, region: str) -> Iterator[None]:
        """Wait until another call to a region may run, and count it for the block."""
        one = self._of(region)
        with one.changed:
            while one.running >= max(1, min(one.limit, self._most())):
                one.changed.wait()
            one.running += 1
        try:
            yield
        finally:
            with one.changed:
                one.running -= 1
                one.changed.notify()

    def limit(self, region: str) -> int:
        """Return the number of calls to a region that may run at a time."""
        return max(1, min(self._of(region).limit, self._most()))

    def note(self, event: object) -> None:
        """Learn from the answer to a call.  The calls of all jobs come here as events."""
        if not isinstance(event, events.GlanceCall):
            return
        if event.code in BUSY or event.seconds > SLOW:
            self._cut(event)
        elif event.code != events.NO_ANSWER:
            self._grow(event.region)

    def _cut(self, event: events.GlanceCall) -> None:
        one, now = self._of(event.region), self._clock()
        with one.changed:
            one.sound = 0
            before = min(one.limit, self._most())
            if before <= 1 or now - event.seconds < one.cut_at:
                return
            one.limit, one.cut_at = before // 2, now
        LOG.info(
            "At most %d calls at a time to region %s from now on, and not %d: it answered %s "
            "after %.1f seconds",
            before // 2,
            event.region,
            before,
            event.code,
            event.seconds,
        )

    def _grow(self, region: str) -> None:
        one = self._of(region)
        with one.changed:
            one.sound += 1
            if one.limit < self._most() and one.sound >= one.limit:
                one.limit, one.sound = one.limit + 1, 0
                one.changed.notify()

    def _of(self, region: str) -> _Region:
        with self._lock:
            if region not in self._regions:
                self._regions[region] = _Region(max(1, self._most()))
            return self._regions[region]
