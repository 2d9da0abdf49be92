"""Spans of one thread, carried to others, to Glance and to other processes."""

import threading

import pytest
import requests
from osprofiler import profiler, web
from osprofiler._utils import signed_unpack

from kingbird.tests.unit.tracing.conftest import KEY
from kingbird.tracing import jobs, spans

IDS = {"base_id": "b", "parent_id": "p"}


def elsewhere(function):
    """Run a function in a thread, and return what it returned and what is left there."""
    found = []
    thread = threading.Thread(target=lambda: found.extend([function(), profiler.get()]))
    thread.start()
    thread.join()
    return found


def test_an_untraced_thread_makes_none(traced):
    with spans.span("one"), jobs.working("j", None):
        assert spans.current() is None
    spans.call_begins(requests.Request("GET", "http://host/").prepare(), None)
    spans.call_ends("200")
    assert (
        spans.carrier()(test_an_untraced_thread_makes_none) is test_an_untraced_thread_makes_none
    )
    assert not traced


def test_other_threads_work_for_the_same_trace(traced):
    with spans.joined(IDS), spans.span("one"):
        inside = spans.current()
        carried = spans.carrier()(spans.current)
    assert elsewhere(carried) == [inside, None]
    # What a message tells is no key.
    assert sorted(inside) == ["base_id", "parent_id"]
    begun, ended = traced
    assert (begun["base_id"], begun["parent_id"], begun["trace_id"]) == (
        "b",
        "p",
        inside["parent_id"],
    )
    assert ended["trace_id"] == begun["trace_id"]


def test_a_thread_is_left_as_it_was_after_an_error(traced):
    with pytest.raises(ZeroDivisionError), spans.joined(IDS), spans.span("one"):
        raise ZeroDivisionError("secret")
    assert profiler.get() is None
    assert traced[-1]["info"]["etype"] == "ZeroDivisionError"
    assert "secret" not in str(traced)


@pytest.mark.parametrize("headers", [{}, {web.X_TRACE_INFO: "around", web.X_TRACE_HMAC: "x"}])
def test_a_call_names_its_own_span(traced, headers):
    url = "https://user:pass@host/v2/images?name=secret"
    request = requests.Request("GET", url, headers=headers).prepare()
    with spans.joined(IDS):
        spans.call_begins(request, "R1")
        spans.call_ends("200")
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
    # Whoever sends none by keystoneauth is not to send any.
    assert (web.X_TRACE_INFO in request.headers) is bool(headers)
    if headers:
        said = signed_unpack(
            request.headers[web.X_TRACE_INFO], request.headers[web.X_TRACE_HMAC], [KEY]
        )
        assert (said["base_id"], said["parent_id"]) == ("b", begun["trace_id"])


def names(traced):
    return [
        (one["base_id"], one["info"]["job"]["region"]) for one in traced if "job" in one["info"]
    ]


def test_a_job_is_traced_as_its_message_said(traced):
    jobs.began("j", IDS)
    with jobs.working("j", "R1"):
        pass
    # Another engine knows nothing of it.
    jobs.goes_on("j", None)
    with jobs.working("j", None):
        pass
    # Its next run was asked for by a request that is not traced.
    jobs.began("j", None)
    with jobs.working("j", None):
        pass
    assert names(traced) == [("b", "R1"), ("b", None)]


@pytest.mark.parametrize("ids", ["b", {}, {"base_id": "b"}, {"base_id": "b", "parent_id": 1}])
def test_nonsense_in_a_message(traced, ids):
    jobs.began("j", ids)
    with jobs.working("j", None):
        pass
    assert not traced


def test_what_is_remembered_is_bounded(traced, monkeypatch):
    monkeypatch.setattr(jobs, "MOST", 2)
    for number in range(4):
        jobs.began(f"j{number}", IDS)
    assert list(jobs._known) == ["j2", "j3"]
