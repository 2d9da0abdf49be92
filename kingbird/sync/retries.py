"""Trying again what a region did not answer, or can't answer at the moment."""

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

    :param timeout: seconds from the first try after which none is begun.
    :param sleep: how to wait; an engine passes one that ends when it is told to stop.
    """

    def __init__(self, timeout: float, sleep: Callable[[float], None]) -> None:
        self._timeout = timeout
        self._sleep = sleep

    def __call__(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call ``function``; after all tries raise what the last one raised."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(exception.RegionUnavailable),
            wait=_wait,
            stop=tenacity.stop_before_delay(self._timeout),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(function, *args, **kwargs)
