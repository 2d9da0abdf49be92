"""A filter for the headers of traces, which anybody can send."""

from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

HEADERS = ("HTTP_X_TRACE_INFO", "HTTP_X_TRACE_HMAC")


class TraceHeaderFilter:
    """Remove a signature for which osprofiler's middleware would raise an error.

    It compares signatures before anybody is authenticated, and only in ASCII.

    :param application: osprofiler's middleware.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Pass a request on."""
        if not all(environ.get(name, "").isascii() for name in HEADERS):
            for name in HEADERS:
                environ.pop(name, None)
        return self._application(environ, start_response)
