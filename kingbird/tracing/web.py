"""Keeps headers from osprofiler's middleware that it would fail at.

It compares signatures before anybody is authenticated, and raises an error for one that is not in
ASCII.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

#: What the headers look like that osprofiler writes: Base64, and the hex digits of an HMAC.
_FORMS = {
    "HTTP_X_TRACE_INFO": re.compile(r"[A-Za-z0-9_=-]+"),
    "HTTP_X_TRACE_HMAC": re.compile(r"[0-9a-f]+"),
}


class TraceHeaders:
    """Takes the headers of a trace off a request, unless both are well formed.

    :param application: osprofiler's middleware.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Pass a request on."""
        if not all(form.fullmatch(environ.get(name, "")) for name, form in _FORMS.items()):
            for name in _FORMS:
                environ.pop(name, None)
        return self._application(environ, start_response)
