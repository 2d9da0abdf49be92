"""Emit an event for each response, with the path's template instead of the path."""

import time
from collections.abc import Iterable
from typing import Any

from kingbird import events
from kingbird.api.controllers.v1 import root as v1
from kingbird.api.middleware import Environ, Middleware, health
from kingbird.api.middleware.paths import normalize_path

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: The label of other methods and of unknown paths.
UNKNOWN = "other"


def route_template(path: str) -> str:
    """Return the template of the route that a path takes, in OpenAPI's form."""
    path = normalize_path(path)
    if path in ("/", health.PATH):
        return path
    segments = path.split("/")
    for route in v1.ROUTES:
        if route.match(segments, v1.VERSION) is not None:
            return route.template(v1.VERSION)
    return UNKNOWN


class RequestMetrics(Middleware):
    """The outermost middleware, which counts responses."""

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Pass a request on, and emit an event when it is answered."""
        begin = time.perf_counter()
        # PathNormalizer changes the path later.
        route = route_template(environ.get("PATH_INFO", ""))
        method = environ["REQUEST_METHOD"]
        code = "500"

        def start(status: str, *args: Any) -> Any:
            nonlocal code
            code = status.partition(" ")[0]
            return start_response(status, *args)

        try:
            return self._application(environ, start)
        finally:
            events.emit(
                events.ApiRequest(
                    method if method in METHODS else UNKNOWN,
                    route,
                    code,
                    time.perf_counter() - begin,
                )
            )
