"""Spans of osprofiler for threads that work for a traced request.

In other threads, and while tracing is off, the functions do nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from oslo_context import context
from osprofiler import profiler, web

#: The part of a trace that messages carry; never a key.  The request started a job's run.
IDS = ("base_id", "parent_id", "request_id")

#: Signs the headers of calls for a trace that came in a message.
_key: str | None = None


def configure(key: str | None) -> None:
    """Enable tracing with the key that other services know, or disable it with None."""
    global _key  # noqa: PLW0603  one for each process
    _key = key


def is_enabled() -> bool:
    """Return whether requests may be traced."""
    return _key is not None


def span(name: str, **info: Mapping[str, Any]) -> AbstractContextManager[object]:
    """Trace a block; :data:`kingbird.tracing.exporter.ALLOWED_FIELDS` of ``info`` are exported."""
    return profiler.Trace(name, info=dict(info))


def current() -> dict[str, str] | None:
    """Return the ids of this thread's trace for another thread or process, if it has one."""
    active = profiler.get()
    if active is None:
        return None
    ids = {"base_id": active.get_base_id(), "parent_id": active.get_id()}
    request = context.get_current()
    if request is not None and request.request_id:
        ids["request_id"] = request.request_id
    return ids


@contextmanager
def attach(ids: Mapping[str, str] | None) -> Iterator[None]:
    """Let this thread work for a trace during the block, by what :func:`current` returned."""
    if ids is None or _key is None or profiler.get() is not None:
        yield
        return
    profiler.init(_key, base_id=ids["base_id"], parent_id=ids["parent_id"])
    try:
        yield
    finally:
        profiler.clean()


def propagator() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that lets functions in other threads work for this thread's trace."""
    ids = current()

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if ids is None:
            return function

        def traced(*args: Any) -> Any:
            with attach(ids):
                return function(*args)

        return traced

    return decorate


def start_http_span(request: requests.PreparedRequest, region: str | None) -> None:
    """Trace an HTTP request until :func:`end_http_span`.

    Headers of the trace, which keystoneauth has set for the span around this one, are replaced.

    :param region: the region whose Glance is called; ``None`` for Keystone.
    """
    if profiler.get() is None:
        return
    info: dict[str, Any] = {"method": request.method, "region": region}
    try:
        url = urlsplit(str(request.url))
        port = url.port or {"http": 80, "https": 443}.get(url.scheme)
        info |= {"scheme": url.scheme, "hostname": url.hostname, "port": port, "path": url.path}
    except ValueError:
        # The call itself reports a bad URL.
        info |= {"scheme": "", "hostname": None, "port": None, "path": ""}
    profiler.start("http", {"requests": info})
    if web.X_TRACE_INFO in request.headers:
        request.headers.update(web.get_trace_id_headers())


def end_http_span(code: str) -> None:
    """End the span of :func:`start_http_span` with the HTTP status, or a word for none."""
    profiler.stop({"requests": {"status_code": code}})
