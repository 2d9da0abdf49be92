"""Spans of one thread, carried to others, to Glance and to other processes."""

import threading

import pytest
import requests
from oslo_context import context
from osprofiler import profiler, web
from osprofiler._utils import signed_unpack

from kingbird.tests.unit.tracing.conftest import KEY
from kingbird.tracing import jobs, spans

IDS = {"base_id": "b", "parent_id": "p", "request_id": "r"}


def elsewhere(function):
    """Run a function in a thread, and return what it returned and what is left there."""
    found = []
    thread = threading.Thread(target=lambda: found.extend([function(), profiler.get()]))
    thread.start()
    thread.join()
    return found


def test_an_untraced_thread_makes_none(traced):
    with spans.span("one"), jobs.job_span("j", "r", None):
        assert spans.current() is None
    spans.start_http_span(requests.Request("GET", "http://host/").prepare(), None)
    spans.end_http_span("200")
    assert spans.propagator()(elsewhere) is elsewhere
    assert not traced


def test_other_threads_work_for_the_same_trace(traced):
    context.RequestContext(request_id="r")
    with spans.attach(IDS), spans.span("one"):
        inside = spans.current()
        carried = spans.propagator()(spans.current)
    assert elsewhere(carried) == [
        {"base_id": "b", "parent_id": inside["parent_id"]},
        None,
    ]
    # The ids of a message are no key.
    assert inside == {**IDS, "parent_id": inside["parent_id"]}
    begun, ended = traced
    assert (begun["base_id"], begun["parent_id"], begun["trace_id"]) == (
        "b",
        "p",
        inside["parent_id"],
    )
    assert ended["trace_id"] == begun["trace_id"]


def test_a_thread_is_left_as_it_was_after_an_error(traced):
    with pytest.raises(ZeroDivisionError), spans.attach(IDS), spans.span("one"):
        raise ZeroDivisionError("secret")
    assert profiler.get() is None
    assert traced[-1]["info"]["etype"] == "ZeroDivisionError"
    assert "secret" not in str(traced)


@pytest.mark.parametrize("headers", [{}, {web.X_TRACE_INFO: "around", web.X_TRACE_HMAC: "x"}])
def test_a_call_names_its_own_span(traced, headers):
    url = "https://user:pass@host/v2/images?name=secret"
    request = requests.Request("GET", url, headers=headers).prepare()
    with spans.attach(IDS):
        spans.start_http_span(request, "R1")
        spans.end_http_span("200")
    begun, ended = traced
    assert begun["info"]["requests"] == {
        "method": "GET",
        "scheme": "https",
        "hostname": "host",
        "port": 443,
        "path": "/v2/images",
        "query": "",
        "region": "R1",
    }
    assert ended["info"]["requests"]["status_code"] == "200"
    # A call without headers from keystoneauth gets none.
    assert (web.X_TRACE_INFO in request.headers) is bool(headers)
    if headers:
        said = signed_unpack(
            request.headers[web.X_TRACE_INFO], request.headers[web.X_TRACE_HMAC], [KEY]
        )
        assert (said["base_id"], said["parent_id"]) == ("b", begun["trace_id"])


@pytest.mark.parametrize("url", ["http://host:port/", "http://host:99999/", "http://[::1/"])
def test_a_bad_url_is_for_others_to_find(traced, url):
    request = requests.PreparedRequest()
    request.method, request.url, request.headers = "GET", url, {}
    with spans.attach(IDS), spans.span("around"):
        spans.start_http_span(request, "R1")
        spans.end_http_span("none")
    assert [one["name"] for one in traced] == [
        "around-start",
        "http-start",
        "http-stop",
        "around-stop",
    ]


def names(traced):
    return [
        (one["base_id"], one["info"]["job"]["region"]) for one in traced if "job" in one["info"]
    ]


def work(request_id, region):
    with jobs.job_span("j", request_id, region):
        pass


def test_each_run_of_a_job_has_a_trace_of_its_own(traced):
    jobs.remember("j", IDS)
    work("r", "R1")
    # Another engine knows nothing of it.
    jobs.remember("j", None)
    work("r", None)
    # A request that is not traced retries it, and this engine has not heard of that.
    work("another", "R1")
    jobs.remember("j", {**IDS, "base_id": "c", "request_id": "third"})
    work("r", "R1")
    work("third", "R1")
    assert names(traced) == [("b", "R1"), ("b", None), ("c", "R1")]


@pytest.mark.parametrize(
    "ids", ["b", {}, {"base_id": "b"}, {**IDS, "parent_id": 1}, {**IDS, "request_id": None}]
)
def test_nonsense_in_a_message(traced, ids):
    jobs.remember("j", ids)
    work("r", None)
    work(None, None)
    assert not traced


def test_what_is_remembered_is_bounded(traced, monkeypatch):
    monkeypatch.setattr(jobs, "MAX_JOBS", 2)
    for number in range(4):
        jobs.remember(f"j{number}", IDS)
    assert list(jobs._known) == ["j2", "j3"]
