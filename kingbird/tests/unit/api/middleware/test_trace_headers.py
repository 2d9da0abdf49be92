"""Headers of traces, which anybody can send."""

import pytest
import webob
from osprofiler import profiler, web

from kingbird.conf import tracing
from kingbird.tests.api.world import World

NAMES = ("HTTP_X_TRACE_INFO", "HTTP_X_TRACE_HMAC")
#: Text that is not ASCII, as WSGI hands it over, and other values that osprofiler never writes.
ODD = [
    value.encode().decode("latin-1")
    for value in ("", " ", "é", "é" * 20, "0" * 39 + "é", "e30=\n", "\u0663" * 20, "{}")
] + ["é" * 40, "é" * 64]


def signed():
    """Return the headers of a new trace, as a WSGI server hands them over."""
    try:
        # The key of a process that is not configured.
        profiler.init(tracing.DEFAULT_KEY)
        headers = web.get_trace_id_headers()
    finally:
        profiler.clean()
    return dict(zip(NAMES, (headers[web.X_TRACE_INFO], headers[web.X_TRACE_HMAC]), strict=True))


def status(world, path, headers):
    request = webob.Request.blank(path)
    request.environ.update(headers)
    return request.get_response(world.application).status_int


@pytest.mark.parametrize("name", NAMES)
def test_odd_headers_are_ignored(traced, name):
    with World() as world:
        for value in ODD:
            for path, code in (("/v1.0", 200), ("/v1.0/p/os-sync", 401)):
                headers = {**signed(), name: value}
                assert status(world, path, headers) == code, value
    assert not traced


def test_a_request_that_is_signed_is_traced(traced):
    with World() as world:
        assert status(world, "/v1.0", signed()) == 200
    assert [one["name"] for one in traced] == ["wsgi-start", "wsgi-stop"]
