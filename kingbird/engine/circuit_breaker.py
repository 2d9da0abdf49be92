"""Circuit breakers: a region that keeps failing is left alone for a while.

What would have gone there fails fast meanwhile, and holds up no other region.  After the pause
one call is tried, and what comes beside it waits for its end, which decides whether the region
is back.  Nothing else does: what began before the breaker opened tells of what was then.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from kingbird import events, exception
from kingbird.sync.retry import Submit

LOG = logging.getLogger(__name__)


@dataclass
class _Breaker:
    failures: int = 0
    #: The monotonic moment until which nothing is tried; ``None`` while the breaker is closed.
    open_until: float | None = None
    #: Whether the one call is under way that decides.
    half_open: bool = False
    #: Counts how often it has opened and closed.
    epoch: int = 0


@dataclass(frozen=True)
class Permit:
    """Leave to try something in a region."""

    region: str
    #: The breaker's era in which that was allowed: while it is open, to one at a time.
    epoch: int


class CircuitBreakers:
    """One breaker for each region.  Safe for threads.

    :param failure_threshold: gives the number of failures in a row that open a breaker.
    :param reset_timeout: gives the seconds for which it stays open.
    """

    def __init__(
        self,
        failure_threshold: Callable[[], int],
        reset_timeout: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failure_threshold
        self._pause = reset_timeout
        self._clock = clock
        self._breakers: dict[str, _Breaker] = {}
        self._changed = threading.Condition()

    def try_acquire(self, region: str) -> Permit | None:
        """Say whether something may be tried in a region.

        When a pause is over it is allowed once, and who asks meanwhile waits for the end of
        that, as a job makes several calls at the same time and needs them all.

        :returns: what :meth:`record` is to be told by, whatever comes of it; ``None`` for no.
        """
        with self._changed:
            breaker = self._breakers.setdefault(region, _Breaker())
            while breaker.half_open:
                self._changed.wait()
            if breaker.open_until is not None:
                if self._clock() < breaker.open_until:
                    return None
                breaker.half_open = True
            return Permit(region, breaker.epoch)

    def record(self, ticket: Permit, *, failed: bool | None) -> None:
        """Note how a try ended.  One that began before the breaker opened or closed is past.

        :param failed: the region did not answer, after all repetitions; ``None`` if that is not
            known, as where it was not asked.
        """
        region = ticket.region
        with self._changed:
            breaker = self._breakers[region]
            if ticket.epoch != breaker.epoch:
                return
            breaker.half_open = False
            self._changed.notify_all()
            if failed is None:
                return
            was_open = breaker.open_until is not None
            if not failed:
                breaker.failures, breaker.open_until = 0, None
                if was_open:
                    breaker.epoch += 1
                    LOG.info("Circuit breaker closed for region %s", region)
                    events.emit(events.BreakerChanged(region, is_open=False))
                return
            breaker.failures += 1
            if was_open or breaker.failures >= self._limit():
                breaker.open_until = self._clock() + self._pause()
                if not was_open:
                    breaker.epoch += 1
                    LOG.warning("Circuit breaker opened for region %s", region)
                    events.emit(events.BreakerChanged(region, is_open=True))

    def open_regions(self) -> list[str]:
        """Return the regions that are left alone.  Never waits, for who asks why nothing moves."""
        return sorted(
            region
            for region, breaker in tuple(self._breakers.items())
            if breaker.open_until is not None
        )

    def wrap(self, submit: Submit) -> Submit:
        """Return ``submit`` with breakers around its calls."""

        def guarded(region: str, function: Callable[..., Any], /, *args: Any) -> "Future[Any]":
            return submit(region, self._call, region, function, *args)

        return guarded

    def _call(self, region: str, function: Callable[..., Any], /, *args: Any) -> Any:
        ticket = self.try_acquire(region)
        if ticket is None:
            raise exception.RegionUnavailable(OPEN_MESSAGE.format(region))
        failed: bool | None = None
        try:
            result = function(*args)
            failed = False
        except exception.RegionUnavailable:
            failed = True
            raise
        except exception.ImageRequestRejected:
            # The region answered.  Whatever else is raised tells nothing of it: where Keystone
            # gives no token it was not asked, and a call may be given up for a cancel.
            failed = False
            raise
        finally:
            self.record(ticket, failed=failed)
        return result


#: What is said of what was not tried.
OPEN_MESSAGE = "Region {} kept failing, so this was not tried"
