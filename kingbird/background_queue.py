"""A bounded queue with a thread that sends its items, so that callers never wait."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Generic, TypeVar

LOG = logging.getLogger(__name__)

#: Seconds between two log lines about items that were not sent.
INTERVAL = 60.0

T = TypeVar("T")


class BackgroundQueue(Generic[T]):
    """Send items in a daemon thread, which starts with the first item.  Thread-safe.

    A full queue drops its oldest item.  An item that cannot be sent is dropped.

    :param name: of the thread.
    :param items: what the items are called in the log.
    :param send: sends one item.
    :param size: how many items may wait.
    """

    def __init__(self, name: str, items: str, send: Callable[[T], None], size: int) -> None:
        self._name = name
        self._items = items
        self._send = send
        self._size = size
        self.reset()

    def reset(self) -> None:
        """Forget items and thread, because a forked child has no threads of its parent's."""
        self._changed = threading.Condition()
        self._waiting: deque[T] = deque()
        self._lost: Counter[str] = Counter()
        self._unreported_until = 0.0
        self._stopping = False
        self._sending = False
        self._thread: threading.Thread | None = None

    def put(self, item: T) -> None:
        """Queue an item.  Never waits and never raises."""
        with self._changed:
            if len(self._waiting) >= self._size:
                self._waiting.popleft()
                self._lost["queue full"] += 1
            self._waiting.append(item)
            self._changed.notify()
            if self._thread is None:
                self._start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            # The process has too many threads.  The next item tries again.
            LOG.warning(
                "Unable to start the thread that sends %s: %s", self._items, type(error).__name__
            )
        else:
            self._thread = thread

    def stop(self, seconds: float) -> int:
        """Send waiting items for at most ``seconds``.

        :returns: the number of items that were not sent.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._changed:
            left = len(self._waiting) + self._sending + self._lost.total()
            self._waiting.clear()
        return left

    def _run(self) -> None:
        while True:
            with self._changed:
                self._sending = False
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if not self._waiting:
                    return
                item = self._waiting.popleft()
                self._sending = True
            try:
                self._send(item)
            except Exception as error:
                # The error's text may hold an address or a password.
                with self._changed:
                    self._lost[type(error).__name__] += 1
            self._report()

    def _report(self) -> None:
        with self._changed:
            if not self._lost or time.monotonic() < self._unreported_until:
                return
            lost, self._lost = self._lost, Counter()
            self._unreported_until = time.monotonic() + INTERVAL
        reasons = ", ".join(f"{reason}: {number}" for reason, number in lost.items())
        LOG.warning("Unable to send %s: %s", self._items, reasons)
