"""Export spans by a driver of osprofiler in a background thread.

Requests do not wait for the driver, and drivers need not be thread-safe.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from kingbird.background_queue import BackgroundQueue
from kingbird.log_filters import SPAN_THREAD

#: Starts and stops of spans that may wait.
QUEUE_SIZE = 10000
#: Spans that an OpenTelemetry driver may have open.
OPEN_SPANS = 10000

#: The fields that are exported.  Others may hold parameters of statements and queries, or an
#: error's message.
ALLOWED_FIELDS = {
    "request": ("method", "scheme", "path"),
    "requests": ("method", "scheme", "hostname", "port", "path", "region", "status_code"),
    "db": ("statement",),
    "function": ("name",),
    "job": ("id", "region"),
}
#: Fields that drivers expect in every span.
DRIVER_DEFAULTS: dict[str, dict[str, Any]] = {
    "request": {"query": ""},
    "requests": {"query": ""},
    "db": {"params": None},
}

_TRUST = re.compile(r"(?<=/OS-TRUST/trusts/)[^/]+")


def redact(payload: dict[str, Any]) -> dict[str, Any]:
    """Return osprofiler's payload without what may be secret."""
    info = payload.get("info", {})
    kept: dict[str, Any] = {"host": info.get("host")}
    for kind in ALLOWED_FIELDS.keys() & info.keys():
        fields = {name: info[kind][name] for name in ALLOWED_FIELDS[kind] if name in info[kind]}
        if "path" in fields:
            fields["path"] = _TRUST.sub("***", fields["path"])
        kept[kind] = {**DRIVER_DEFAULTS.get(kind, {}), **fields}
    if "etype" in info:
        kept["etype"] = kept["message"] = info["etype"]
    return {**payload, "info": kept}


class SpanExporter:
    """Export spans from all threads of a process.

    :param connect: returns a driver.  It runs in the exporting thread, again after a failure.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._notify: Callable[[dict[str, Any]], None] | None = None
        self._queue = BackgroundQueue(SPAN_THREAD, "trace spans", self._send, QUEUE_SIZE)

    def reset(self) -> None:
        """Start again in a forked child."""
        self._notify = None
        self._queue.reset()

    def __call__(self, payload: dict[str, Any]) -> None:
        """Queue the start or stop of a span.  Never raises."""
        self._queue.put(redact(payload))

    def _send(self, payload: dict[str, Any]) -> None:
        if self._notify is None:
            driver = self._connect()
            self._notify = (
                _OtlpAdapter(driver).notify if hasattr(driver, "spans") else driver.notify
            )
        self._notify(payload)


class _OtlpAdapter:
    """Make a driver stop the right span.

    OpenTelemetry's stops the span that started last, which may belong to another request.
    """

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._open: OrderedDict[str, Any] = OrderedDict()

    def notify(self, payload: dict[str, Any]) -> None:
        """Send the start or stop of a span."""
        if not payload["name"].endswith("-stop"):
            self._driver.notify(payload)
            self._open[payload["trace_id"]] = self._driver.spans.pop()
            if len(self._open) > OPEN_SPANS:
                self._open.popitem(last=False)
        elif (span := self._open.pop(payload["trace_id"], None)) is not None:
            self._driver.spans.append(span)
            self._driver.notify(payload)
