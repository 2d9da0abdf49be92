"""Bounds what oslo.messaging logs about notifications that a broker does not take.

It writes each one's payload and a traceback, and each beginning and end of a span is one.
"""

import logging
import threading
import time

from kingbird.tracing import exporter

#: Who logs a notification that was not sent, with its payload.
NOTIFIERS = ("oslo_messaging.notify.messaging", "oslo_messaging.notify.notifier")
#: Who logs two lines more, if the connection was there before.
DRIVER = "oslo.messaging._drivers.impl_rabbit"

#: Seconds between two lines about the same.
EVERY = 60.0


class _Bounded(logging.Filter):
    """Lets a line pass now and then."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._kept_back: dict[str, int] = {}

    def _pass(self, about: str) -> int | None:
        """Return how many lines were kept back since the last, or ``None`` to keep this back."""
        now = time.monotonic()
        with self._lock:
            if now < self._next.get(about, now):
                self._kept_back[about] = self._kept_back.get(about, 0) + 1
                return None
            self._next[about] = now + EVERY
            return self._kept_back.pop(about, 0)


class Notifications(_Bounded):
    """Makes one short line of those about notifications to one topic that were not sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a line pass or not; what has no traceback passes as it is."""
        if not record.exc_info:
            return True
        told = record.args if isinstance(record.args, dict) else {}
        topic = str(told.get("topic", "-"))
        kept_back = self._pass(topic)
        if kept_back is None:
            return False
        # Its words may hold the broker's URL, and that a password.
        kind = record.exc_info[0]
        record.msg = "No notification to %s: %s; others since the last such line: %d"
        record.args = (topic, kind.__name__ if kind else "-", kept_back)
        record.exc_info = record.exc_text = None
        return True


class Connections(_Bounded):
    """Bounds the lines about connections over which spans are sent; all others pass.

    Notifications of jobs are sent again later and later.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a line pass or not."""
        return record.threadName != exporter.THREAD or self._pass("spans") is not None


_notifications = Notifications()
_connections = Connections()


def bound() -> None:
    """Bound it from now on.  Doing it twice does no harm."""
    for name in NOTIFIERS:
        logging.getLogger(name).addFilter(_notifications)
    logging.getLogger(DRIVER).addFilter(_connections)
