"""Retries calls that a region does not answer, or can't answer at the moment."""

import threading
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol, TypeVar

import tenacity

from kingbird import exception


class Submit(Protocol):
    """Runs a call on the workers of a region, which limit the calls to it."""

    def __call__(
        self, region: str, function: Callable[..., Any], /, *args: Any
    ) -> "futures.Future[Any]": ...


P = ParamSpec("P")
R = TypeVar("R")

#: The status of a call that is refused before it has any effect.
TOO_MANY_REQUESTS = 429
#: Seconds before the first retry (with jitter) and between the last ones.
FIRST_WAIT = 0.25
LONGEST_WAIT = 10.0
#: Seconds between two calls of ``check`` while waiting.
CHECK_INTERVAL = 0.25

_backoff = tenacity.wait_exponential(
    multiplier=FIRST_WAIT, max=LONGEST_WAIT
) + tenacity.wait_random(0, FIRST_WAIT)


def _wait(state: tenacity.RetryCallState) -> float:
    """Back off exponentially, but not less than the region's ``Retry-After``."""
    error = state.outcome.exception() if state.outcome else None
    retry_after = getattr(error, "retry_after", None) or 0
    return max(float(retry_after), _backoff(state))


@dataclass
class WriteState:
    """The knowledge about a POST or PATCH between its tries.

    :ivar maybe_written: whether it may have done its work, which could not be read since.
    """

    maybe_written: bool = False


class Retry:
    """Retries calls that raise :class:`kingbird.exception.RegionUnavailable`.

    :param timeout: returns the seconds after the first try in which others may begin.
    :param stopping: an event that ends waiting and retrying.
    :param on_retry: called with the error before each retry.
    :param check: called repeatedly while waiting; an error that it raises ends the call.
    :param is_single: returns whether the call of this thread is made once only.
    """

    def __init__(
        self,
        timeout: Callable[[], float],
        stopping: threading.Event,
        on_retry: Callable[[exception.RegionUnavailable], None] = lambda _: None,
        check: Callable[[], None] | None = None,
        is_single: Callable[[], bool] = lambda: False,
    ) -> None:
        self._timeout = timeout
        self._stopping = stopping
        self._on_retry = on_retry
        self._check = check
        self._is_single = is_single

    def with_check(self, check: Callable[[], None]) -> "Retry":
        """Return the same with another ``check``."""
        return Retry(self._timeout, self._stopping, self._on_retry, check, self._is_single)

    def check(self) -> None:
        """Raise the error of ``check`` if the call is to end."""
        if self._check is not None:
            self._check()

    def _note(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, exception.RegionUnavailable):
            self._on_retry(error)

    def _sleep(self, seconds: float) -> None:
        """Wait until the time has passed or the engine stops."""
        if self._check is None:
            self._stopping.wait(seconds)
            return
        while seconds > 0 and not self._stopping.is_set():
            self.check()
            self._stopping.wait(min(seconds, CHECK_INTERVAL))
            seconds -= CHECK_INTERVAL
        self.check()

    def __call__(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call ``function``, and raise the last error after all tries, or that of ``check``."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(exception.RegionUnavailable),
            wait=_wait,
            stop=tenacity.stop_before_delay(0.0 if self._is_single() else self._timeout())
            | tenacity.stop_when_event_set(self._stopping),
            sleep=self._sleep,
            before_sleep=self._note,
            reraise=True,
        )
        return retrying(function, *args, **kwargs)
