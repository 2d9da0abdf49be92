"""A clock for plans in which a region lags, so that no busy machine makes another one lag."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from kingbird.sync.retry import Submit
from kingbird.tests.waiting import PATIENCE

#: Seconds by which the clock moves at a look: more than any time after which a region lags.
STEP = 10.0


class LagClock:
    """A clock that stands while a region is about to answer.

    It moves at each look while calls to regions that hang have begun, and no others.  A double
    of Glance answers its calls one after another, so a call that hangs holds up its region.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 1.0
        self._begun: Counter[str] = Counter()
        self._hanging: Counter[str] = Counter()

    def __call__(self) -> float:
        """Return the time in seconds."""
        with self._lock:
            begun = +self._begun
            if begun and begun.keys() <= (+self._hanging).keys():
                self._now += STEP
            return self._now

    def count(self, submit: Submit) -> Submit:
        """Return a function that begins calls as ``submit`` does, and counts them."""

        def counting(region: str, function: Callable[..., Any], *args: Any) -> Future[Any]:
            self._add(self._begun, region, 1)
            call = submit(region, function, *args)
            call.add_done_callback(lambda call: self._add(self._begun, region, -1))
            return call

        return counting

    def hang(self, region: str, gate: threading.Event) -> None:
        """Let the call that this thread makes to a region hang until an event."""
        self._add(self._hanging, region, 1)
        gate.wait(PATIENCE)
        self._add(self._hanging, region, -1)

    def _add(self, calls: Counter[str], region: str, number: int) -> None:
        with self._lock:
            calls[region] += number
