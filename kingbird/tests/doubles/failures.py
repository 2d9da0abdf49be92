"""Failures that a test orders: which calls, how often, before or after their effect."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

When = Literal["before", "after", "half_made"]

#: Nothing happened.
BEFORE: When = "before"
#: It happened, but the answer was lost.
AFTER: When = "after"
#: A create left the record without its tags.
HALF_MADE: When = "half_made"


@dataclass
class _Failure:
    method: str
    error: Exception | Callable[[Any], Exception | None]
    left: int | None
    when: When


class Failures:
    """What is to fail, in the order in which it was asked for.  Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: list[_Failure] = []

    def add(
        self,
        method: str,
        error: Exception | Callable[[Any], Exception | None],
        times: int | None,
        when: When,
    ) -> None:
        """Order a failure; see :meth:`kingbird.tests.doubles.glance.FakeGlance.fail`."""
        with self._lock:
            self._failures.append(_Failure(method, error, times, when))

    def clear(self) -> None:
        """Cancel all that is left."""
        with self._lock:
            self._failures.clear()

    def take(self, method: str, detail: Any) -> tuple[When | None, Exception | None]:
        """Return the failure of a call, if it is to fail, and count it as used."""
        with self._lock:
            for failure in self._failures:
                if failure.method not in ("*", method) or failure.left == 0:
                    continue
                made = failure.error
                error = made if isinstance(made, Exception) else made(detail)
                if error is None:
                    continue
                if failure.left is not None:
                    failure.left -= 1
                return failure.when, error.with_traceback(None)
        return None, None
