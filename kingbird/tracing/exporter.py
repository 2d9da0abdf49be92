"""Sends spans by a driver of osprofiler's, in a thread of its own.

No request waits for it, and drivers need not be safe for threads.
"""

import logging
import queue
import re
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from kingbird.log_filters import SPAN_THREAD

LOG = logging.getLogger(__name__)

#: The name of the thread that sends.
THREAD = SPAN_THREAD
#: Seconds for which nothing is traced when a driver could not be made.
PAUSE = 60.0
#: Seconds between two lines about spans that were lost.
EVERY = 60.0
#: Beginnings and ends of spans that may wait to be sent; beyond that they are dropped.
WAITING = 10000
#: Spans of which a driver may have seen the beginning alone.
OPEN = 10000

#: What is sent of what is known.  The rest may hold what is nobody's business: the parameters of
#: a statement or a query, and an error's message.
KEPT = {
    "request": ("method", "scheme", "path"),
    "requests": ("method", "scheme", "hostname", "port", "path", "region", "status_code"),
    "db": ("statement",),
    "function": ("name",),
    "job": ("id", "region"),
}
#: What drivers take for granted.
FILLED: dict[str, dict[str, Any]] = {
    "request": {"query": ""},
    "requests": {"query": ""},
    "db": {"params": None},
}

_TRUST = re.compile(r"(?<=/OS-TRUST/trusts/)[^/]+")


def cleaned(payload: dict[str, Any]) -> dict[str, Any]:
    """Return what may be sent of a beginning or end of a span.

    :param payload: as osprofiler makes it.
    """
    info = payload.get("info", {})
    kept: dict[str, Any] = {"host": info.get("host")}
    for kind, names in KEPT.items():
        if kind in info:
            about = {name: info[kind][name] for name in names if name in info[kind]}
            if "path" in about:
                about["path"] = _TRUST.sub("***", about["path"])
            kept[kind] = {**FILLED.get(kind, {}), **about}
    if "etype" in info:
        kept["etype"] = kept["message"] = info["etype"]
    return {**payload, "info": kept}


class Sender:
    """Takes spans from all threads of a process.

    :param connect: makes the driver, in the thread that uses it.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self.reset()

    def reset(self) -> None:
        """Begin anew, as after a fork: a child has none of its parent's threads."""
        self._lock = threading.Lock()
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._dropped = 0
        self._not_before = 0.0

    def __call__(self, payload: dict[str, Any]) -> None:
        """Take the beginning or the end of a span; it is sent soon.  Never raises."""
        with self._lock:
            if not self._is_running():
                return
        try:
            self._waiting.put_nowait(cleaned(payload))
        except queue.Full:
            with self._lock:
                self._dropped += 1

    def _is_running(self) -> bool:
        """Begin to send, if that is not done yet.

        :returns: whether what is put into the queue will be sent.
        """
        if self._thread is None and time.monotonic() >= self._not_before:
            thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                # There are too many of them; who is traced is not to fail of that.
                self._pause(error)
            else:
                self._thread = thread
        return self._thread is not None

    def _pause(self, error: Exception) -> None:
        self._thread = None
        self._waiting = queue.Queue(WAITING)
        self._not_before = time.monotonic() + PAUSE
        # Its words may hold the connection string, and that a password.
        LOG.error("Nothing is traced for %d s: %s", PAUSE, type(error).__name__)

    def _run(self) -> None:
        try:
            driver = self._connect()
        except Exception as error:
            with self._lock:
                self._pause(error)
            return
        notify = _Ordered(driver).notify if hasattr(driver, "spans") else driver.notify
        lost: Counter[str] = Counter()
        quiet_until = 0.0
        while True:
            payload = self._waiting.get()
            with self._lock:
                dropped, self._dropped = self._dropped, 0
            if dropped:
                lost["came faster than they went"] += dropped
            try:
                notify(payload)
            except Exception as error:
                lost[type(error).__name__] += 1
            if lost and time.monotonic() >= quiet_until:
                quiet_until = time.monotonic() + EVERY
                reasons = ", ".join(f"{reason}: {number}" for reason, number in lost.items())
                LOG.warning("Spans were not sent: %s", reasons)
                lost.clear()


class _Ordered:
    """A driver that takes the last span that began for the one that ends.

    OpenTelemetry's does.  Several requests are under way at a time, so it is given the right one.
    """

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._open: OrderedDict[str, Any] = OrderedDict()

    def notify(self, payload: dict[str, Any]) -> None:
        """Send the beginning or the end of a span."""
        if payload["name"].endswith("-stop"):
            begun = self._open.pop(payload["trace_id"], None)
            if begun is None:
                return
            self._driver.spans.append(begun)
            self._driver.notify(payload)
        else:
            self._driver.notify(payload)
            self._open[payload["trace_id"]] = self._driver.spans.pop()
            if len(self._open) > OPEN:
                self._open.popitem(last=False)
