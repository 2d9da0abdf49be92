"""What is sent of a span, and what a driver that fails or is slow keeps nobody from."""

import threading
from collections import deque

import pytest

from kingbird.tests.unit.engine.scene import wait_for
from kingbird.tracing import exporter
from kingbird.tracing.exporter import Sender, cleaned


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
    assert cleaned(payload(host="here", **info))["info"] == {"host": "here", **kept}


class Driver:
    """Notes what it is given, once it is let."""

    def __init__(self):
        self.gate = threading.Event()
        self.got = []

    def notify(self, payload):
        self.gate.wait(10)
        if payload["trace_id"] == "bad":
            raise RuntimeError("secret")
        self.got.append(payload["trace_id"])


@pytest.fixture
def driver():
    return Driver()


def test_who_is_traced_waits_for_nobody(driver, monkeypatch, caplog):
    monkeypatch.setattr(exporter, "WAITING", 5)
    sending = Sender(lambda: driver)
    for number in range(20):
        sending(payload(trace_id=str(number)))
    assert driver.got == []
    driver.gate.set()
    assert wait_for(lambda: len(driver.got) >= 5) is None
    sending(payload(trace_id="last"))
    wait_for(lambda: driver.got[-1] == "last")
    assert len(driver.got) <= 7
    assert "not sent: came faster than they went: 1" in caplog.text


def test_one_that_can_not_be_sent(driver, caplog):
    driver.gate.set()
    sending = Sender(lambda: driver)
    for trace_id in ("1", "bad", "2"):
        sending(payload(trace_id=trace_id))
    wait_for(lambda: driver.got == ["1", "2"])
    assert "Spans were not sent: RuntimeError: 1" in caplog.text
    assert "secret" not in caplog.text


def test_many_that_can_not_be_sent_are_told_of_now_and_then(driver, monkeypatch, caplog):
    driver.gate.set()
    sending = Sender(lambda: driver)
    for trace_id in ("bad", "bad", "bad", "1"):
        sending(payload(trace_id=trace_id))
    wait_for(lambda: driver.got == ["1"])
    assert caplog.text.count("were not sent") == 1


def test_a_driver_that_can_not_be_made_is_tried_again(driver, monkeypatch, caplog):
    driver.gate.set()
    failures = [RuntimeError("secret")]
    tried = []

    def connect():
        tried.append(1)
        if failures:
            raise failures.pop()
        return driver

    sending = Sender(connect)
    sending(payload(trace_id="lost"))
    wait_for(lambda: tried and sending._thread is None)
    for _ in range(3):
        sending(payload(trace_id="lost"))
    assert (len(tried), sending._waiting.qsize()) == (1, 0)
    assert "Nothing is traced for 60 s: RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    sending._not_before = 0
    sending(payload(trace_id="1"))
    wait_for(lambda: driver.got == ["1"])


def test_who_is_traced_does_not_fail_of_too_many_threads(driver, monkeypatch, caplog):
    def start(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        sending = Sender(lambda: driver)
        sending(payload())
    assert "Nothing is traced for 60 s" in caplog.text
    driver.gate.set()
    sending._not_before = 0
    sending(payload(trace_id="1"))
    wait_for(lambda: driver.got == ["1"])


def test_a_child_has_a_thread_of_its_own(driver):
    driver.gate.set()
    sending = Sender(lambda: driver)
    sending(payload())
    parents = sending._thread
    sending.reset()
    sending(payload(trace_id="child"))
    wait_for(lambda: "child" in driver.got)
    assert sending._thread is not parents


class LastInFirstOut(Driver):
    """Takes the last span that began for the one that ends, as OpenTelemetry's driver does."""

    def __init__(self):
        super().__init__()
        self.gate.set()
        self.spans = deque()

    def notify(self, payload):
        if payload["name"].endswith("start"):
            self.spans.append(payload["trace_id"])
        else:
            self.got.append((payload["trace_id"], self.spans.pop()))


def test_requests_at_the_same_time_end_their_own_spans():
    driver = LastInFirstOut()
    sending = Sender(lambda: driver)
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
