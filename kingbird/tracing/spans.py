"""Spans, as osprofiler makes them for a thread that works for a traced request.

In any other thread, and while tracing is off, all of this does next to nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from oslo_context import context
from osprofiler import profiler, web

#: What a message tells of a trace: never a key.  The request is the one that began a job's run.
IDS = ("base_id", "parent_id", "request_id")

#: Signs the headers of calls that are made for a trace which came by message.
_key: str | None = None


def switch(key: str | None) -> None:
    """Switch tracing on, or off.

    :param key: what other services recognise this one's traces by; ``None`` for off.
    """
    global _key  # noqa: PLW0603  one for each process
    _key = key


def are_made() -> bool:
    """Whether requests may be traced."""
    return _key is not None


@contextmanager
def span(name: str, **info: Mapping[str, Any]) -> Iterator[None]:
    """Trace a block.

    :param info: what is known of it; :mod:`kingbird.tracing.exporter` says what is sent of that.
    """
    with profiler.Trace(name, info=dict(info)):
        yield


def current() -> dict[str, str] | None:
    """Return what tells another process or thread of this thread's trace, if there is one."""
    active = profiler.get()
    if active is None:
        return None
    ids = {"base_id": active.get_base_id(), "parent_id": active.get_id()}
    request = context.get_current()
    if request is not None and request.request_id:
        ids["request_id"] = request.request_id
    return ids


@contextmanager
def joined(ids: Mapping[str, str] | None) -> Iterator[None]:
    """Have this thread work for a trace for the length of the block.

    :param ids: as :func:`current` returned them.
    """
    if ids is None or _key is None or profiler.get() is not None:
        yield
        return
    profiler.init(_key, base_id=ids["base_id"], parent_id=ids["parent_id"])
    try:
        yield
    finally:
        profiler.clean()


def carrier() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what lets other threads work for the trace that this one works for now."""
    ids = current()

    def carried(function: Callable[..., Any]) -> Callable[..., Any]:
        if ids is None:
            return function

        def traced(*args: Any) -> Any:
            with joined(ids):
                return function(*args)

        return traced

    return carried


def call_begins(request: requests.PreparedRequest, region: str | None) -> None:
    """Trace an HTTP request from here to :func:`call_ends`.

    keystoneauth has put the headers of the trace into it, which name the span around this one.

    :param region: whose Glance it goes to; ``None`` for Keystone.
    """
    if profiler.get() is None:
        return
    try:
        url = urlsplit(str(request.url))
        port = url.port
    except ValueError:
        # What is wrong with the URL is for those to say who are to call it.
        url, port = urlsplit(""), None
    about = {
        "method": request.method,
        "scheme": url.scheme,
        "hostname": url.hostname,
        "port": port or {"http": 80, "https": 443}.get(url.scheme),
        "path": url.path,
        "region": region,
    }
    profiler.start("http", {"requests": about})
    if web.X_TRACE_INFO in request.headers:
        request.headers.update(web.get_trace_id_headers())


def call_ends(code: str) -> None:
    """End what :func:`call_begins` began.

    :param code: the HTTP status, or a word for none.
    """
    profiler.stop({"requests": {"status_code": code}})
