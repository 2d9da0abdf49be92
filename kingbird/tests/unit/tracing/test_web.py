"""Headers of traces, which anybody can send."""

import pytest
import webob
from osprofiler import profiler, web

from kingbird.conf import tracing
from kingbird.tests.api.world import World
from kingbird.tracing.web import TraceHeaders

WELL_FORMED = {"HTTP_X_TRACE_INFO": "e30=", "HTTP_X_TRACE_HMAC": "0" * 40}
#: As WSGI hands over what is not ASCII, and digits that are none of Python's.
ODD = [
    value.encode().decode("latin-1")
    for value in ("", " ", "é", "é" * 20, "é" * 32, "0" * 39 + "é", "e30=\n", "\u0663" * 20, "{}")
] + ["é" * 40, "é" * 64]


def signed():
    """Return the headers of a new trace, as a WSGI server hands them over."""
    try:
        # The key of a process that is not configured.
        profiler.init(tracing.DEFAULT_KEY)
        headers = web.get_trace_id_headers()
    finally:
        profiler.clean()
    return {
        "HTTP_X_TRACE_INFO": headers[web.X_TRACE_INFO],
        "HTTP_X_TRACE_HMAC": headers[web.X_TRACE_HMAC],
    }


def passed(headers):
    """Return which of the headers are passed on."""
    found = []

    def inner(environ, start_response):
        found.append(environ.keys() & WELL_FORMED.keys())
        return webob.Response()(environ, start_response)

    request = webob.Request.blank("/")
    request.environ.update(headers)
    request.get_response(TraceHeaders(inner))
    return found[0]


def test_what_osprofiler_writes_is_passed_on():
    for headers in (WELL_FORMED, signed()):
        assert passed(headers) == WELL_FORMED.keys()


@pytest.mark.parametrize("name", WELL_FORMED)
@pytest.mark.parametrize("value", ODD)
def test_what_it_would_not_write_is_not(name, value):
    assert not passed({**WELL_FORMED, name: value})


@pytest.mark.parametrize("name", WELL_FORMED)
def test_one_without_the_other_is_not(name):
    assert not passed({name: WELL_FORMED[name]})


def test_nobody_needs_a_token_to_be_answered(traced):
    with World() as world:
        for name in WELL_FORMED:
            for value in ODD:
                for path, code in (("/v1.0", 200), ("/v1.0/p/os-sync", 401)):
                    request = webob.Request.blank(path)
                    request.environ.update({**WELL_FORMED, name: value})
                    response = request.get_response(world.application)
                    assert response.status_int == code, (name, value)
    assert not traced


def test_a_request_that_is_signed_is_traced(traced):
    with World() as world:
        request = webob.Request.blank("/v1.0")
        request.environ.update(signed())
        assert request.get_response(world.application).status_int == 200
    assert [one["name"] for one in traced] == ["wsgi-start", "wsgi-stop"]
