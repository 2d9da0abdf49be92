"""Fail calls to a region fast while the region keeps failing.

After the reset timeout one trial call is allowed (half-open).  Other calls to the region wait for
its result.  Results of calls that began before the breaker opened or closed are ignored.

The timeout spares a region from work under way, and not from new jobs: the region may be back.  A
run of a job that has not seen the region fail may make a trial before the timeout ends.  Only one
trial is made at a time, and it is not retried.  All calls that were submitted before it failed
share its result, so many new jobs at once make one trial.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kingbird import events, exception
from kingbird.states import Reason
from kingbird.sync.outcome import Outcome

LOG = logging.getLogger(__name__)


#: Runs of jobs that a breaker remembers.  A run that it has forgotten makes another trial.
MAX_RUNS = 1000

#: A run of a job: the job's id and the run's number.
Run = tuple[str, int]


@dataclass
class _Breaker:
    failures: int = 0
    #: The reason of the last failure in Kingbird's own words, or "".
    problem: str = ""
    #: The monotonic time at which a trial is allowed; ``None`` while the breaker is closed.
    open_until: float | None = None
    #: The time at which it opened, in seconds since 1970; later failures don't change it.
    opened_at: float = 0.0
    #: True while the trial call is running.
    half_open: bool = False
    #: How often the breaker has opened and closed.
    epoch: int = 0
    #: How many trials have failed.
    failed_trials: int = 0
    #: The runs that have seen the region fail since it answered, the oldest first.
    runs: dict[Run, None] = field(default_factory=dict)

    def note_failure(self, caller: "Caller | None") -> None:
        """Remember that a run has seen the region fail."""
        if caller is None:
            return
        self.runs.pop(caller.run, None)
        self.runs[caller.run] = None
        if len(self.runs) > MAX_RUNS:
            del self.runs[next(iter(self.runs))]

    def is_new(self, caller: "Caller | None") -> bool:
        """Return whether a caller has not seen the region fail, nor a trial since its call."""
        return (
            caller is not None
            and caller.run not in self.runs
            and caller.failed_trials == self.failed_trials
        )


@dataclass(frozen=True)
class Caller:
    """The run that a call is submitted for.

    :ivar failed_trials: how many trials of the region had failed by then.
    """

    run: Run
    failed_trials: int


@dataclass
class Attempt:
    """A call to a region that its breaker has allowed.

    :ivar failed: whether the region failed after all retries.  ``None``, the default, means that
        the call shows nothing about the region: Keystone refused a token, or the call was
        cancelled.
    :ivar problem: the reason of the failure in Kingbird's own words, or "".
    """

    failed: bool | None = None
    problem: str = ""


def _own_words(error: exception.RegionUnavailable) -> str:
    """Return why a region failed, without the region's words, which may be about one project."""
    return error.message if error.status is None else f"HTTP {error.status}"


@dataclass(eq=False, repr=False)
class CircuitBreakers:
    """Keep one breaker for each region.  Safe for threads.

    :ivar failure_threshold: returns the number of failures in a row that open a breaker.
    :ivar reset_timeout: returns the seconds for which a breaker stays open.
    """

    failure_threshold: Callable[[], int]
    reset_timeout: Callable[[], float]
    clock: Callable[[], float] = time.monotonic
    _breakers: dict[str, _Breaker] = field(default_factory=dict, init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)
    _thread: threading.local = field(default_factory=threading.local, init=False)

    def caller(self, region: str, run: Run) -> Caller:
        """Return the caller of a call that is submitted now."""
        with self._changed:
            return Caller(run, self._breakers.setdefault(region, _Breaker()).failed_trials)

    def is_trial(self) -> bool:
        """Return whether this thread makes a trial, which is not retried."""
        return getattr(self._thread, "is_trial", False)

    @contextmanager
    def guard(self, region: str, caller: Caller | None = None) -> Iterator[Attempt]:
        """Allow one call to a region, and record how it ended.

        While a trial call is running, others wait for its result: a job makes several calls at
        the same time and needs them all.

        :param caller: without one, the call is work under way.
        :raises kingbird.exception.RegionUnavailable: the breaker is open.
        """
        epoch, self._thread.is_trial = self._acquire(region, caller)
        attempt = Attempt()
        try:
            yield attempt
        except exception.RegionUnavailable as error:
            attempt.failed = True
            attempt.problem = _own_words(error)
            raise
        except exception.ImageRequestRejected:
            # The region answered.
            attempt.failed = False
            raise
        finally:
            self._thread.is_trial = False
            self._record(region, epoch, attempt, caller)

    def call(
        self, region: str, caller: Caller | None, function: Callable[..., Any], /, *args: Any
    ) -> Any:
        """Return ``function(*args)``, which makes a call to a region; see :meth:`guard`.

        A function that catches the region's errors returns an :class:`Outcome`, which is judged.
        """
        with self.guard(region, caller) as attempt:
            result = function(*args)
            attempt.failed = False
            if isinstance(result, Outcome):
                failed = result.reason == Reason.REGION_UNAVAILABLE
                attempt.failed = failed if result.region_contacted else None
            return result

    def is_open(self, region: str) -> bool:
        """Return whether a region's breaker is open, without waiting for a lock."""
        breaker = self._breakers.get(region)
        return breaker is not None and breaker.open_until is not None

    def resting_regions(self) -> list[str]:
        """Return the regions that no trial is due for, or that one is made of.

        It waits for no lock.
        """
        now = self.clock()
        return sorted(
            region
            for region, breaker in tuple(self._breakers.items())
            if breaker.open_until is not None and (breaker.half_open or now < breaker.open_until)
        )

    def open_regions(self) -> list[str]:
        """Return the regions with an open breaker, without waiting for a lock."""
        return sorted(
            region
            for region, breaker in tuple(self._breakers.items())
            if breaker.open_until is not None
        )

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return the regions with an open breaker, without waiting for a lock.

        :returns: by region ``breaker``, which is ``open``, or ``half_open`` while a trial runs,
            and ``since`` in milliseconds since 1970.
        """
        return {
            region: {
                "breaker": "half_open" if breaker.half_open else "open",
                "since": int(breaker.opened_at * 1000),
            }
            for region, breaker in tuple(self._breakers.items())
            if breaker.open_until is not None
        }

    def _acquire(self, region: str, caller: Caller | None) -> tuple[int, bool]:
        """Return the epoch in which a call to a region begins, and whether it is a trial."""
        with self._changed:
            breaker = self._breakers.setdefault(region, _Breaker())
            while breaker.half_open:
                self._changed.wait()
            if breaker.open_until is not None:
                if self.clock() < breaker.open_until and not breaker.is_new(caller):
                    breaker.note_failure(caller)
                    last = breaker.problem and f"; the last time: {breaker.problem}"
                    raise exception.RegionUnavailable(
                        f"Region {region} kept failing, so this was not tried{last}"
                    )
                breaker.half_open = True
            return breaker.epoch, breaker.half_open

    def _record(self, region: str, epoch: int, attempt: Attempt, caller: Caller | None) -> None:
        failed = attempt.failed
        with self._changed:
            breaker = self._breakers[region]
            if failed:
                breaker.note_failure(caller)
                breaker.problem = attempt.problem
            if epoch != breaker.epoch:
                return
            breaker.half_open = False
            self._changed.notify_all()
            if failed is None:
                return
            was_open = breaker.open_until is not None
            if failed:
                breaker.failures += 1
                breaker.failed_trials += was_open
                if was_open or breaker.failures >= self.failure_threshold():
                    breaker.open_until = self.clock() + self.reset_timeout()
            else:
                breaker.failures, breaker.open_until = 0, None
                breaker.runs.clear()
            is_open = breaker.open_until is not None
            if is_open != was_open:
                breaker.epoch += 1
                breaker.opened_at = time.time()
                level = logging.WARNING if is_open else logging.INFO
                word = "opened" if is_open else "closed"
                LOG.log(level, "Circuit breaker %s for region %s", word, region)
                events.emit(events.BreakerChanged(region, is_open=is_open))
