"""Looks at something that may not answer, without keeping anybody who asks waiting for ever."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from typing import Generic, TypeVar

T = TypeVar("T")


class CachedCheck(Generic[T]):
    """Looks now and then, however often it is asked.  Safe for threads.

    A look that waits for something which does not answer can't be ended, so it runs in a thread
    of its own, and nobody waits for it longer than a bound.  As long as it runs no second one
    begins.

    :param name: of the threads.
    :param check: looks once.
    :param timeout: returns for how many seconds a look is waited for.
    :param ttl: returns for how many seconds what was found is answered again.
    """

    def __init__(
        self,
        name: str,
        check: Callable[[], T],
        *,
        timeout: Callable[[], float],
        ttl: Callable[[], float],
    ) -> None:
        self._name = name
        self._look = check
        self._patience = timeout
        self._fresh = ttl
        self._lock = threading.Lock()
        self._running: Future[T] | None = None
        self._known: T | None = None
        self._until = 0.0

    def get(self) -> T | None:
        """Return what was found a moment ago, or is found now; ``None`` if there is no answer.

        :raises Exception: what ``check`` raises; that is not remembered.
        """
        # Who comes while a look is made waits for what it finds.
        with self._lock:
            if time.monotonic() >= self._until:
                self._known = self._found()
                self._until = time.monotonic() + self._fresh()
            return self._known

    def _found(self) -> T | None:
        if self._running is not None and not self._running.done():
            # It has been waited for already.
            return None
        running: Future[T] = Future()
        self._running = running
        threading.Thread(target=self._run, args=(running,), name=self._name, daemon=True).start()
        try:
            return running.result(self._patience())
        except TimeoutError:
            if running.done():
                # The look's own, as of a call.
                raise
            return None

    def _run(self, running: "Future[T]") -> None:
        try:
            found = self._look()
        except BaseException as error:
            running.set_exception(error)
        else:
            running.set_result(found)
