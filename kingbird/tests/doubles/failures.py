"""Failures that a test injects by call, by number, and before or after the effect."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

When = Literal["before", "after", "half_made"]

#: The call had no effect.
BEFORE: When = "before"
#: The call had its effect, but the response was lost.
AFTER: When = "after"
#: A create stored the record without its tags.
HALF_MADE: When = "half_made"


@dataclass
class _Failure:
    method: str
    error: Exception | Callable[[Any], Exception | None]
    left: int | None
    when: When


class Failures:
    """Injected failures, in the order of their injection.  Safe for threads."""

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
        """Inject a failure.  See :meth:`kingbird.tests.doubles.glance.FakeGlance.fail`."""
        with self._lock:
            self._failures.append(_Failure(method, error, times, when))

    def clear(self) -> None:
        """Drop all remaining failures."""
        with self._lock:
            self._failures.clear()

    def take(self, method: str, detail: Any) -> tuple[When | None, Exception | None]:
        """Return the failure of a call, if it has one, and count it as used.

        The function that makes an error runs outside the lock, so it can also delay calls.
        """
        with self._lock:
            candidates = [one for one in self._failures if one.method in ("*", method)]
        for failure in candidates:
            made = failure.error
            error = made if isinstance(made, Exception) else made(detail)
            if error is not None and self._use(failure):
                return failure.when, error.with_traceback(None)
        return None, None

    def _use(self, failure: _Failure) -> bool:
        with self._lock:
            if failure.left == 0:
                return False
            if failure.left is not None:
                failure.left -= 1
            return True
