"""Log filters and the formatter that keep records short, single-line and free of secrets."""

import copy
import json
import logging
import threading
import time
from collections.abc import Iterable
from typing import Any

from kingbird.text import escape

#: Loggers of oslo.messaging that write a failed notification with its payload and a traceback.
NOTIFIERS = ("oslo_messaging.notify.messaging", "oslo_messaging.notify.notifier")
#: The logger that adds two lines for each message if a connection was lost.
DRIVER = "oslo.messaging._drivers.impl_rabbit"
#: The thread that exports spans.  Each start and stop of a span is a message.
SPAN_THREAD = "kingbird-tracing"
#: Seconds between two records about the same topic.
INTERVAL = 60.0

#: SQLAlchemy's logger of connection pools.
POOLS = "sqlalchemy.pool.impl.QueuePool"
#: Errors that every database driver raises for a lost connection.
LOST = frozenset({"OperationalError", "InterfaceError"})


def _shorten(record: logging.LogRecord, message: str, *args: object) -> None:
    record.msg, record.args = message, args
    record.exc_info = record.exc_text = None


class RateLimitFilter(logging.Filter):
    """Base of filters that let one record a topic pass every :data:`INTERVAL` seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}

    def _pass(self, topic: str) -> int | None:
        """Return the number of records suppressed so far, or None to suppress this one."""
        now = time.monotonic()
        with self._lock:
            if now < self._next.get(topic, now):
                self._suppressed[topic] = self._suppressed.get(topic, 0) + 1
                return None
            self._next[topic] = now + INTERVAL
            return self._suppressed.pop(topic, 0)


class NotifyFailureFilter(RateLimitFilter):
    """Reduce failed notifications to one short record a topic."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide about a record; one without a traceback passes unchanged."""
        if not record.exc_info:
            return True
        fields = record.args if isinstance(record.args, dict) else {}
        topic = str(fields.get("topic", "-"))
        suppressed = self._pass(topic)
        if suppressed is None:
            return False
        # The error's text may hold the broker's URL with a password.
        kind = record.exc_info[0]
        message = "Unable to send notification to %s: %s, similar messages suppressed: %d"
        _shorten(record, message, topic, kind.__name__ if kind else "-", suppressed)
        return True


class TracingConnectionFilter(RateLimitFilter):
    """Limit connection errors of the thread that exports spans; all others pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide about a record."""
        return record.threadName != SPAN_THREAD or self._pass("spans") is not None


class DriverFilter(RateLimitFilter):
    """Limit lines of the RabbitMQ driver, which writes some at each try to connect."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide about a record; one for debugging passes."""
        if record.levelno < logging.INFO:
            return True
        fields = record.args if isinstance(record.args, dict) else {}
        return (
            self._pass(f"{record.msg} {fields.get('hostname')}:{fields.get('port')}") is not None
        )


def shorten_pool_error(record: logging.LogRecord) -> bool:
    """Reduce the pool's report of a lost connection to one line.  Every record passes.

    The caller already reports the lost connection, so the pool's traceback about the failed reset
    is noise.
    """
    kind = record.exc_info[0] if record.exc_info else None
    if kind is not None and kind.__name__ in LOST:
        # The error's text may hold the database's address.
        _shorten(record, "%s: %s", record.getMessage(), kind.__name__)
    return True


_notify_failures = NotifyFailureFilter()
_tracing_connections = TracingConnectionFilter()
_driver_lines = DriverFilter()


def install() -> None:
    """Add the filters to their loggers.  A second call changes nothing."""
    for name in NOTIFIERS:
        logging.getLogger(name).addFilter(_notify_failures)
    logging.getLogger(DRIVER).addFilter(_tracing_connections)
    logging.getLogger(POOLS).addFilter(shorten_pool_error)


def limit_driver_lines() -> None:
    """Limit what the driver writes about brokers that are away.  A second call changes nothing.

    For a process that has a connection to each region's broker.
    """
    logging.getLogger(DRIVER).addFilter(_driver_lines)


#: Characters of a record, and of its traceback, that are written at most.
MAX_RECORD = 20_000
#: The sign in place of the characters that are left out.
_GAP = " ... "


class SingleLineFormatter(logging.Formatter):
    """Escape control characters in the output of another formatter, and bound its length.

    A record becomes one line, so text from a request cannot look like another record.  The lines
    of a traceback stay, each with the prefix that the other formatter gives it.

    :param inner: the handler's original formatter.
    :param kept: control characters that stay in a record.
    """

    def __init__(self, inner: logging.Formatter, kept: str = "\t") -> None:
        super().__init__()
        self._inner = inner
        self._kept = kept

    def format(self, record: logging.LogRecord) -> Any:
        """Return a record as text; other results of the inner formatter stay unchanged."""
        # Other handlers get the same record.
        record = copy.copy(record)
        text: Any = self._inner.format(record)
        if not isinstance(text, str):
            return text
        head, found, traceback = text, "", ""
        if record.exc_text:
            head, found, traceback = text.rpartition(f"\n{record.exc_text}")
            traceback = f"{found}{traceback}"
        return escape(_bound(head), kept=self._kept) + escape(_cut(traceback), kept="\t\n")


def _bound(head: str) -> str:
    """Shorten a record; one in JSON stays JSON."""
    if len(head) <= MAX_RECORD:
        return head
    try:
        return json.dumps(_cut_each(json.loads(head)))
    except (ValueError, RecursionError):
        return _cut(head)


def _cut_each(value: Any) -> Any:
    """Shorten each text of a record in JSON."""
    if isinstance(value, dict):
        return {name: _cut_each(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cut_each(inner) for inner in value]
    # The same text is in several fields.
    return _cut(value, MAX_RECORD // 4) if isinstance(value, str) else value


def _cut(text: str, limit: int = MAX_RECORD) -> str:
    """Leave out the middle of a long text; the end of a traceback names the error."""
    if len(text) <= limit:
        return text
    half = (limit - len(_GAP)) // 2
    return f"{text[:half]}{_GAP}{text[-half:]}"


def install_formatter(handlers: Iterable[logging.Handler], kept: str = "\t") -> None:
    """Make handlers write each record as one line.

    :param kept: control characters that stay in a record.
    """
    for handler in handlers:
        inner = handler.formatter or logging.Formatter()
        if not isinstance(inner, SingleLineFormatter):
            handler.setFormatter(SingleLineFormatter(inner, kept))
