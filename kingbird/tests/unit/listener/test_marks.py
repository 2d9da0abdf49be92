"""Messages become marks before they are acknowledged."""

import threading
import uuid
from typing import Any

import pytest
from oslo_config import cfg
from oslo_messaging import NotificationResult

from kingbird import events
from kingbird.listener import marks
from kingbird.listener.brokers import Broker
from kingbird.listener.events import UPDATE, Drop
from kingbird.listener.health import Hearing
from kingbird.listener.marks import Endpoint, MarkWriter
from kingbird.tests.unit.listener.fakes import FakeDatabase
from kingbird.tests.unit.listener.messages import payload, rule
from kingbird.tests.waiting import PATIENCE, wait_for

IMAGE = "11111111-2222-4333-8444-aaaaaaaaaaaa"
HANDLED, REQUEUE = NotificationResult.HANDLED, NotificationResult.REQUEUE


class Heard:
    """An endpoint of R1 with what belongs to it."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.stopping = threading.Event()
        self.woken = 0
        self.hearing = Hearing(["R1"])
        self.writer = MarkWriter(conf, self._wake, self.stopping)
        self.endpoint = Endpoint(
            Broker("rabbit://one/", {"R1": None}), self.hearing, self.writer.write
        )

    def _wake(self) -> None:
        self.woken += 1

    def tell(self, event_type: Any = UPDATE, **fields: Any) -> str:
        sent = payload(fields.pop("id", IMAGE), **fields)
        return self.endpoint.info({}, "image.localhost", event_type, sent, {})


@pytest.fixture
def heard(conf: cfg.ConfigOpts, rows: FakeDatabase, monkeypatch: pytest.MonkeyPatch) -> Heard:
    monkeypatch.setattr(marks, "FIRST_DELAY", 0.01)
    return Heard(conf)


def test_a_change_makes_a_mark(heard: Heard, rows: FakeDatabase, emitted: list[Any]) -> None:
    assert heard.tell() == HANDLED
    assert rows.added == [(1, IMAGE)]
    assert heard.woken == 1
    assert emitted == [events.NotificationHeard("R1"), events.MarksWritten(1)]
    assert heard.hearing.describe()["R1"]["heard"] > 0


def test_the_same_message_again(heard: Heard, rows: FakeDatabase) -> None:
    assert [heard.tell(), heard.tell()] == [HANDLED, HANDLED]
    assert rows.added == [(1, IMAGE)]
    assert heard.woken == 1


def test_a_deletion_clears_the_mark(heard: Heard, rows: FakeDatabase) -> None:
    assert heard.tell("image.delete", status="deleted") == HANDLED
    assert rows.cleared == [(IMAGE, frozenset({1}))]
    assert (rows.added, heard.woken) == ([], 0)


@pytest.mark.parametrize(
    ("event_type", "fields", "reason"),
    [
        ("image.create", {}, Drop.TYPE),
        (UPDATE, {"id": "none"}, Drop.FORM),
        (UPDATE, {"status": "saving"}, Drop.STATUS),
        (UPDATE, {"owner": "another"}, Drop.OWNER),
    ],
)
def test_what_is_dropped_is_counted(
    heard: Heard,
    rows: FakeDatabase,
    emitted: list[Any],
    event_type: str,
    fields: dict[str, Any],
    reason: Drop,
) -> None:
    assert heard.tell(event_type, **fields) == HANDLED
    assert emitted == [events.NotificationHeard("R1"), events.NotificationDropped("R1", reason)]
    assert rows.added == []


def test_a_stranger_on_the_broker(
    conf: cfg.ConfigOpts, rows: FakeDatabase, emitted: list[Any]
) -> None:
    heard = Heard(conf)
    broker = Broker("rabbit://one/", {})
    endpoint = Endpoint(broker, heard.hearing, heard.writer.write)
    assert endpoint.info({}, "image.localhost", UPDATE, payload(), {}) == HANDLED
    assert emitted == [events.NotificationDropped("unknown", Drop.PUBLISHER)]
    assert not rows.asked.is_set()


def test_a_new_rule_hears_without_a_restart(
    heard: Heard, rows: FakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard.tell()
    monkeypatch.setattr(marks, "RULES_TTL", 0)
    rows.rules.append(rule(2))
    heard.tell()
    heard.tell()
    assert rows.added == [(1, IMAGE), (2, IMAGE)]
    assert rows.reads == 2, "rules are read again only if one has changed"


def test_a_message_waits_for_the_database(heard: Heard, rows: FakeDatabase) -> None:
    rows.go_away()
    answers: list[str] = []
    telling = threading.Thread(target=lambda: answers.append(heard.tell()), daemon=True)
    telling.start()
    assert rows.asked.wait(PATIENCE)
    assert not answers
    rows.error = None
    wait_for(lambda: answers)
    assert answers == [HANDLED]
    assert rows.added == [(1, IMAGE)]


def test_a_listener_that_stops_hands_the_message_back(heard: Heard, rows: FakeDatabase) -> None:
    rows.go_away()
    answers: list[str] = []
    telling = threading.Thread(target=lambda: answers.append(heard.tell()), daemon=True)
    telling.start()
    assert rows.asked.wait(PATIENCE)
    heard.stopping.set()
    wait_for(lambda: answers)
    assert answers == [REQUEUE]
    assert rows.added == []


def test_a_listener_that_stops_still_writes(heard: Heard, rows: FakeDatabase) -> None:
    heard.stopping.set()
    assert heard.tell() == HANDLED
    assert rows.added == [(1, IMAGE)]


def test_an_event_that_the_database_refuses(
    heard: Heard, rows: FakeDatabase, emitted: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    rows.error = ValueError("no")
    assert heard.tell() == HANDLED
    assert emitted[-1] == events.NotificationDropped("R1", Drop.ERROR)
    assert "Unable to write the marks" in caplog.text
    rows.error = None
    assert heard.tell(id=str(uuid.uuid4())) == HANDLED
    assert len(rows.added) == 1


def test_no_error_leaves_the_callback(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr(marks, "read", fail)
    assert heard.tell() == HANDLED
