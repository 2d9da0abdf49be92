"""The calls of a task that run or wait for a worker, and the items that they are for."""

import threading
from collections import deque
from concurrent.futures import Future
from typing import Generic, TypeVar

R = TypeVar("R")
T = TypeVar("T")


class RunningCalls(Generic[R, T]):
    """Calls, with what each is for.  One thread adds and takes; any thread may end a call.

    The thread that takes is woken for several calls at a time rather than for each, as no worker
    runs while it does.
    """

    def __init__(self) -> None:
        self._running: dict[Future[R], T] = {}
        self._ended: deque[Future[R]] = deque()
        self._enough = 0
        self._changed = threading.Condition()

    def __len__(self) -> int:
        """Return the number of calls that were not taken."""
        return len(self._running)

    def add(self, call: "Future[R]", what: T) -> None:
        """Add a call."""
        self._running[call] = what
        call.add_done_callback(self._note)

    def take(self, enough: int, timeout: float) -> "list[tuple[Future[R], T]]":
        """Return the calls that have ended since the last time, with what they are for.

        :param enough: calls to wait for, as far as there are so many.
        :param timeout: seconds after which fewer are enough.
        """
        with self._changed:
            self._enough = min(enough, len(self._running))
            self._changed.wait_for(self._are_enough, timeout)
            ended, self._ended = self._ended, deque()
        return [(call, self._running.pop(call)) for call in ended]

    def cancel(self) -> None:
        """Cancel the calls that have not begun; nobody takes them any more."""
        for call in [one for one in self._running if one.cancel()]:
            del self._running[call]
        with self._changed:
            self._ended = deque(call for call in self._ended if call in self._running)

    def _are_enough(self) -> bool:
        return len(self._ended) >= self._enough

    def _note(self, call: "Future[R]") -> None:
        with self._changed:
            self._ended.append(call)
            if self._are_enough():
                self._changed.notify()
