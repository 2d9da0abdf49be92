"""Senders make a transport anew when it has failed, and leave alone what isn't theirs."""

import threading

import oslo_messaging
import pytest
from oslo_config import cfg

from kingbird.rpc import sender as sender_module
from kingbird.rpc.sender import Sender
from kingbird.rpc.transport import target


class Transport:
    """Notes whether it was cleaned up."""

    def __init__(self):
        self.clean = 0

    def cleanup(self):
        self.clean += 1


class Client:
    def __init__(self, transport):
        self.transport = transport


@pytest.fixture
def made(monkeypatch):
    """Give the transports that were made by the configuration."""
    transports = []

    def make(conf):
        transports.append(Transport())
        return transports[-1]

    monkeypatch.setattr(sender_module, "get_transport", make)
    monkeypatch.setattr(Sender, "_over", lambda self, transport: Client(transport))
    return transports


def sender(transport=None):
    return Sender(cfg.CONF, target(), transport)


class Broken(Exception):
    """What a driver raises."""


def failing(*bad):
    """Return a message that fails over some transports, and what it was sent over."""
    over = []

    def message(client):
        over.append(client.transport)
        if client.transport in bad or not bad:
            raise Broken

    return message, over


def test_one_transport_serves_as_long_as_it_does(made):
    one = sender()
    assert made == []
    for _ in range(3):
        one.send(lambda client: None)
    assert len(made) == 1
    assert made[0].clean == 0


def test_one_that_failed_is_not_used_again(made):
    one = sender()
    message, over = failing()
    with pytest.raises(Broken):
        one.send(message)
    one.send(lambda client: over.append(client.transport))
    assert over == made
    assert [transport.clean for transport in made] == [1, 0]


def test_a_message_is_sent_again_over_a_new_one(made):
    one = sender()
    one.send(lambda client: None)
    message, over = failing(made[0])
    one.send(message, again=True)
    assert over == made
    assert len(made) == 2


def test_a_new_one_that_fails_is_the_end(made):
    one = sender()
    message, over = failing()
    with pytest.raises(Broken):
        one.send(message, again=True)
    assert len(over) == len(made) == 1


def test_anothers_transport_is_not_cleaned_up(made):
    shared = Transport()
    one = sender(shared)
    message, over = failing(shared)
    one.send(message, again=True)
    one.send(message)
    assert over == [shared, *made, *made]
    assert shared.clean == 0


def test_threads_that_fail_together_drop_it_once(made):
    one = sender()
    one.send(lambda client: None)
    barrier = threading.Barrier(4)

    def message(client):
        if client.transport is made[0]:
            barrier.wait(10)
            raise Broken

    threads = [
        threading.Thread(target=one.send, args=(message,), kwargs={"again": True})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made[0].clean == 1
    assert len(made) == 2


def test_a_transport_is_cleaned_up_when_the_last_thread_has_left_it(made):
    """A connection that comes back to a pool that is gone would never be closed."""
    one = sender()
    begun, failed = threading.Event(), threading.Event()

    def slow(client):
        begun.set()
        assert failed.wait(10)
        assert client.transport.clean == 0

    thread = threading.Thread(target=one.send, args=(slow,))
    thread.start()
    assert begun.wait(10)
    message, _ = failing()
    with pytest.raises(Broken):
        one.send(message)
    assert made[0].clean == 0
    failed.set()
    thread.join()
    assert made[0].clean == 1


def test_a_message_without_a_queue_is_no_fault_of_the_transport(made):
    one = sender()
    one.send(lambda client: None)

    def message(client):
        raise oslo_messaging.MessageUndeliverable(None, None, None, None)

    with pytest.raises(oslo_messaging.MessageUndeliverable):
        one.send(message, again=True)
    one.send(lambda client: None)
    assert [transport.clean for transport in made] == [0]
