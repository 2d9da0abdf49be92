"""Callers of a background queue never wait, whatever its sender does."""

import threading

import pytest

from kingbird import background_queue
from kingbird.background_queue import BackgroundQueue
from kingbird.tests.waiting import PATIENCE, wait_for


class Sender:
    """Keeps items, once its gate is open."""

    def __init__(self):
        self.gate = threading.Event()
        self.sent = []

    def __call__(self, item):
        assert self.gate.wait(PATIENCE)
        if item == "bad":
            raise RuntimeError("secret")
        self.sent.append(item)


@pytest.fixture
def sender():
    return Sender()


@pytest.fixture
def queue(sender):
    made = BackgroundQueue("test-queue", "items", sender, 3)
    yield made
    sender.gate.set()
    made.stop(5)


def test_a_full_queue_drops_the_oldest(queue, sender, caplog):
    queue.put("first")
    wait_for(lambda: not queue._waiting)
    for item in range(10):
        queue.put(item)
    assert sender.sent == []
    sender.gate.set()
    wait_for(lambda: len(sender.sent) == 4)
    assert sender.sent == ["first", 7, 8, 9]
    assert "Unable to send items: queue full: 7" in caplog.text


def test_failures_are_logged_once_an_interval_without_their_text(queue, sender, caplog):
    for item in ("bad", "bad", "good"):
        queue.put(item)
    sender.gate.set()
    wait_for(lambda: sender.sent == ["good"])
    assert caplog.text.count("Unable to send items: RuntimeError: 1") == 1
    queue._unreported_until = 0
    queue.put("good")
    wait_for(lambda: caplog.text.count("Unable to send items: RuntimeError: 1") == 2)
    assert "secret" not in caplog.text
    assert background_queue.INTERVAL > 0


def test_stop_sends_what_waits(queue, sender):
    sender.gate.set()
    for item in range(3):
        queue.put(item)
    assert queue.stop(10) == 0
    assert sender.sent == [0, 1, 2]


def test_stop_counts_what_it_could_not_send(queue):
    queue.put("sending")
    wait_for(lambda: not queue._waiting)
    queue.put("waiting")
    assert queue.stop(0) == 2


def test_too_many_threads_fail_no_caller(queue, sender, monkeypatch, caplog):
    def start(thread):
        raise RuntimeError("can't start new thread")

    sender.gate.set()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        queue.put(1)
    assert "Unable to start the thread that sends items: RuntimeError" in caplog.text
    queue.put(2)
    wait_for(lambda: sender.sent == [1, 2])


def test_a_forked_child_starts_again(queue, sender):
    sender.gate.set()
    queue.put("parent")
    wait_for(lambda: sender.sent == ["parent"])
    thread = queue._thread
    queue.reset()
    queue.put("child")
    wait_for(lambda: sender.sent == ["parent", "child"])
    assert queue._thread is not thread
