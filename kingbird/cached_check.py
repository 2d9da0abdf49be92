"""Run a check that may block, with a timeout and a cached result."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from dataclasses import KW_ONLY, dataclass, field
from typing import Generic, TypeVar

from kingbird import unseen_errors

T = TypeVar("T")


@dataclass(eq=False, repr=False)
class CachedCheck(Generic[T]):
    """A check whose result is cached.  Safe for threads.

    The check runs in a separate thread, because a blocked call cannot be interrupted.  Callers
    wait at most ``timeout`` seconds.  No second check starts while one is blocked.

    :ivar timeout: returns the seconds that callers wait.
    :ivar ttl: returns the seconds for which a result is cached.
    """

    name: str
    check: Callable[[], T]
    _: KW_ONLY
    timeout: Callable[[], float]
    ttl: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _future: Future[T] | None = field(default=None, init=False)
    _value: T | None = field(default=None, init=False)
    _expires: float = field(default=0.0, init=False)

    def get(self) -> T | None:
        """Return the cached or a new result, or ``None`` if the check does not end in time.

        :raises Exception: an error of ``check``, which is not cached.
        """
        # Callers that come during a check wait for its result.
        with self._lock:
            if time.monotonic() >= self._expires:
                self._value = self._run_check()
                self._expires = time.monotonic() + self.ttl()
            return self._value

    def _run_check(self) -> T | None:
        if self._future is not None and not self._future.done():
            # An earlier caller has already waited for the timeout.
            return None
        future: Future[T] = Future()
        self._future = future
        threading.Thread(target=self._run, args=(future,), name=self.name, daemon=True).start()
        try:
            return future.result(self.timeout())
        except TimeoutError:
            if future.done():
                # The check itself raised the TimeoutError.
                raise
            # The caller does not wait for the result.
            future.add_done_callback(unseen_errors.reporter(f"the check {self.name}"))
            return None

    def _run(self, future: "Future[T]") -> None:
        try:
            result = self.check()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
