"""Exported spans hold nothing secret, and requests do not wait for a driver."""

from collections import deque

import pytest

from kingbird.tests.waiting import wait_for
from kingbird.tracing.exporter import SpanExporter, redact


def payload(name="one-start", trace_id="t", **info):
    return {"name": name, "base_id": "b", "trace_id": trace_id, "parent_id": "b", "info": info}


@pytest.mark.parametrize(
    ("info", "kept"),
    [
        (
            {"request": {"path": "/v1.0", "query": "a=secret", "method": "GET", "scheme": "http"}},
            {"request": {"path": "/v1.0", "query": "", "method": "GET", "scheme": "http"}},
        ),
        (
            {"requests": {"path": "/v3/OS-TRUST/trusts/secret", "body": "secret"}},
            {"requests": {"path": "/v3/OS-TRUST/trusts/***", "query": ""}},
        ),
        (
            {"db": {"statement": "SELECT 1", "params": ["secret"], "result": "secret"}},
            {"db": {"statement": "SELECT 1", "params": None}},
        ),
        (
            {"function": {"name": "f", "args": "secret", "kwargs": "secret", "result": "secret"}},
            {"function": {"name": "f"}},
        ),
        ({"etype": "KeyError", "message": "secret"}, {"etype": "KeyError", "message": "KeyError"}),
        ({"other": "secret"}, {}),
    ],
)
def test_what_is_sent(info, kept):
    assert redact(payload(host="here", **info))["info"] == {"host": "here", **kept}


class Driver:
    """Keeps the trace ids that it gets."""

    def __init__(self):
        self.got = []

    def notify(self, payload):
        self.got.append(payload["trace_id"])


def test_a_driver_that_cannot_be_made_is_tried_again(caplog):
    driver = Driver()
    failures = [RuntimeError("secret")]

    def connect():
        if failures:
            raise failures.pop()
        return driver

    exporter = SpanExporter(connect)
    exporter(payload(trace_id="lost"))
    exporter(payload(trace_id="1"))
    wait_for(lambda: driver.got == ["1"])
    assert "Unable to send trace spans: RuntimeError: 1" in caplog.text
    assert "secret" not in caplog.text


def test_a_forked_child_makes_its_own_driver():
    made = []

    def connect():
        made.append(Driver())
        return made[-1]

    exporter = SpanExporter(connect)
    exporter(payload(trace_id="parent"))
    wait_for(lambda: made and made[0].got)
    exporter.reset()
    exporter(payload(trace_id="child"))
    wait_for(lambda: [driver.got for driver in made] == [["parent"], ["child"]])


class LastInFirstOut:
    """Takes the last span that began for the one that ends, as OpenTelemetry's driver does."""

    def __init__(self):
        self.got = []
        self.spans = deque()

    def notify(self, payload):
        if payload["name"].endswith("start"):
            self.spans.append(payload["trace_id"])
        else:
            self.got.append((payload["trace_id"], self.spans.pop()))


def test_requests_at_the_same_time_end_their_own_spans():
    driver = LastInFirstOut()
    sending = SpanExporter(lambda: driver)
    for name in ("one-start", "one-stop"):
        for trace_id in ("1", "2", "3"):
            sending(payload(name, trace_id))
    # Its beginning was dropped.
    sending(payload("one-stop", "4"))
    sending(payload("one-start", "5"))
    sending(payload("one-stop", "5"))
    wait_for(lambda: len(driver.got) == 4)
    assert driver.got == [("1", "1"), ("2", "2"), ("3", "3"), ("5", "5")]
    assert not driver.spans
