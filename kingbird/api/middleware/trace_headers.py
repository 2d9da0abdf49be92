"""Filter the headers of traces, which anybody can send."""

from collections.abc import Iterable
from typing import Any

from kingbird.api.middleware import Environ, Middleware

HEADERS = ("HTTP_X_TRACE_INFO", "HTTP_X_TRACE_HMAC")


class TraceHeaderFilter(Middleware):
    """The middleware that removes signatures for which osprofiler's middleware raises an error.

    osprofiler compares signatures before authentication, and only accepts ASCII.
    """

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass a request on."""
        if not all(environ.get(name, "").isascii() for name in HEADERS):
            for name in HEADERS:
                environ.pop(name, None)
        return self._application(environ, start_response)
