"""A broker's messages are consumed in a thread of its own, over oslo.messaging's own transport."""

import threading
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg
from oslo_messaging import opts

from kingbird import exception
from kingbird.listener import consumer as consumers
from kingbird.listener.brokers import Broker
from kingbird.listener.consumer import Consumer, connection_of, create_server
from kingbird.listener.health import Hearing
from kingbird.tests.unit.listener.fakes import FakeDatabase
from kingbird.tests.waiting import PATIENCE, bounded, wait_for

RESULT = oslo_messaging.NotificationResult


class Taking:
    """An endpoint that keeps what it gets."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.answers: list[str] = []

    def info(self, context: Any, publisher: Any, event: Any, payload: Any, metadata: Any) -> str:
        self.heard.append((publisher, event, payload))
        return self.answers.pop(0) if self.answers else RESULT.HANDLED


class Running:
    """A consumer within this process, with a notifier that stands for Glance."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        conf.set_override("exchange", f"glance-{uuid.uuid4()}", group="listener")
        self.endpoint, self.hearing = Taking(), Hearing(["R1"])
        self.stopping = threading.Event()
        broker = Broker("fake://", {"R1": None})
        self.consumer = Consumer(
            conf,
            broker,
            self.endpoint,  # type: ignore[arg-type]
            self.hearing,
            self.stopping,
        )
        conf.register_opts(dict(opts.list_opts())[None])
        conf.set_override("control_exchange", conf.listener.exchange)
        sender = oslo_messaging.get_notification_transport(conf, url="fake://")
        self._send = oslo_messaging.Notifier(
            sender, "image.localhost", driver="messagingv2", topics=["kingbird"]
        )

    def tell(self, word: Any) -> None:
        self._send.info({}, "image.update", {"word": word})

    @property
    def words(self) -> list[Any]:
        return [payload["word"] for _, _, payload in self.endpoint.heard]

    @property
    def is_connected(self) -> bool:
        return bool(self.hearing.describe()["R1"]["connected"])


@pytest.fixture
def running(conf: cfg.ConfigOpts, rows: FakeDatabase, monkeypatch: Any) -> Iterator[Running]:
    for name in ("WATCH_INTERVAL", "RETRY_DELAY"):
        monkeypatch.setattr(consumers, name, 0.01)
    made = Running(conf)
    thread = threading.Thread(target=made.consumer.run, daemon=True)
    thread.start()
    yield made
    made.stopping.set()
    made.consumer.stop()
    thread.join(PATIENCE)


def test_messages_come_one_after_another(running: Running, rows: FakeDatabase) -> None:
    wait_for(lambda: running.is_connected)
    for word in range(20):
        running.tell(word)
    wait_for(lambda: len(running.words) == 20)
    assert running.words == [*range(20)]
    assert rows.full_runs == [], "a start loses no message"


def test_a_message_that_is_handed_back_comes_again(running: Running) -> None:
    running.endpoint.answers = [RESULT.REQUEUE]
    wait_for(lambda: running.is_connected)
    running.tell("a")
    wait_for(lambda: running.words == ["a", "a"])


def test_a_malformed_message_comes_once(running: Running) -> None:
    wait_for(lambda: running.is_connected)
    odd = SimpleNamespace(ctxt={}, message={"priority": None})
    assert running.consumer._server.dispatcher.dispatch(odd) == RESULT.HANDLED


def test_a_lost_connection_makes_full_runs_due(
    running: Running, rows: FakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(lambda: running.is_connected)
    connection: list[Any] = [None]
    monkeypatch.setattr(consumers, "connection_of", lambda _: connection[0])
    wait_for(lambda: not running.is_connected)
    assert rows.full_runs == []
    rows.go_away()
    connection[0] = object()
    wait_for(lambda: running.is_connected)
    rows.error = None
    wait_for(lambda: rows.full_runs == ["R1"])
    # A connection that was replaced between two looks was lost too.
    connection[0] = object()
    wait_for(lambda: rows.full_runs == ["R1", "R1"])


def test_a_start_that_fails_is_tried_again(
    conf: cfg.ConfigOpts, rows: FakeDatabase, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(consumers, "RETRY_DELAY", 0.01)
    monkeypatch.setattr(consumers, "WATCH_INTERVAL", 0.01)
    tries = []

    def create(*arguments: Any) -> Any:
        tries.append(1)
        if len(tries) < 4:
            raise exception.Unavailable("inequivalent arg 'x-queue-type'")
        return create_server(*arguments)

    monkeypatch.setattr(consumers, "create_server", create)
    made = Running(conf)
    threading.Thread(target=made.consumer.run, daemon=True).start()
    wait_for(lambda: made.is_connected)
    assert caplog.text.count("x-queue-type") == 1
    wait_for(lambda: rows.full_runs == ["R1"])
    made.stopping.set()
    made.consumer.stop()


def test_a_broker_that_is_away_from_the_start(
    conf: cfg.ConfigOpts, rows: FakeDatabase, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(consumers, "START_TIMEOUT", 0.01)
    hangs = threading.Event()
    server = SimpleNamespace(start=lambda **_: hangs.wait(), listener=None)
    monkeypatch.setattr(consumers, "create_server", lambda *_: server)
    made = Running(conf)
    threading.Thread(target=made.consumer.run, daemon=True).start()
    wait_for(lambda: "The broker of R1 is not heard: unreachable" in caplog.text)
    made.stopping.set()
    with bounded("the consumer stops", hangs.set):
        made.consumer.stop()
    hangs.set()


def test_the_connection_of_the_rabbitmq_driver() -> None:
    inner = object()
    connection = SimpleNamespace(connected=True, _connection=inner)
    driver = SimpleNamespace(connection=connection)
    poller = SimpleNamespace(conn=SimpleNamespace(connection=driver))
    server = SimpleNamespace(listener=SimpleNamespace(_poll_style_listener=poller))
    assert connection_of(server) is inner
    connection.connected = False
    assert connection_of(server) is None
    assert connection_of(other := SimpleNamespace(listener=object())) is other
