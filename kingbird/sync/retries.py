"""Trying again what a region did not answer, or can't answer at the moment."""

import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tenacity

from kingbird import exception

P = ParamSpec("P")
R = TypeVar("R")

#: Seconds before the first repetition (with jitter) and between the last ones.
FIRST_WAIT = 0.25
LONGEST_WAIT = 10.0

_backoff = tenacity.wait_exponential(
    multiplier=FIRST_WAIT, max=LONGEST_WAIT
) + tenacity.wait_random(0, FIRST_WAIT)


def _wait(state: tenacity.RetryCallState) -> float:
    """Back off exponentially, but not less than the region's ``Retry-After``."""
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None) or 0
    return max(float(asked), _backoff(state))


class Retry:
    """Repeats calls that raise :class:`kingbird.exception.RegionUnavailable`.

    :param timeout: gives the seconds from the first try after which none is begun.
    :param stopping: when it is set, waiting ends and nothing is tried again.
    :param again: called with what went wrong before a call is waited for and made again.
    """

    def __init__(
        self,
        timeout: Callable[[], float],
        stopping: threading.Event,
        again: Callable[[exception.RegionUnavailable], None] = lambda _: None,
    ) -> None:
        self._timeout = timeout
        self._stopping = stopping
        self._again = again

    def _note(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, exception.RegionUnavailable):
            self._again(error)

    def __call__(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call ``function``; after all tries raise what the last one raised."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(exception.RegionUnavailable),
            wait=_wait,
            stop=tenacity.stop_before_delay(self._timeout())
            | tenacity.stop_when_event_set(self._stopping),
            sleep=tenacity.sleep_using_event(self._stopping),
            before_sleep=self._note,
            reraise=True,
        )
        return retrying(function, *args, **kwargs)
