"""Notify about jobs, at a limited rate, and without making work wait."""

import logging
import threading
from datetime import datetime

import jsonschema
import pytest

from kingbird import events, exception
from kingbird.db import api as db
from kingbird.notifications import notifier as notifications
from kingbird.rpc import transport
from kingbird.tests.doubles.notification_schema import PAYLOAD, RULE_PAYLOAD
from kingbird.tests.unit.db.rows import PROJECT, planned_job, row
from kingbird.tests.waiting import PATIENCE, bounded

#: When the database says that a job has ended.
END = datetime(2026, 11, 22, 23, 0, 5)


class Notifier:
    """Notes what it is to send, and waits if it is told to."""

    def __init__(self):
        self.sent = []
        self.gate = threading.Event()
        self.gate.set()
        self.errors = []

    def _send(self, priority, context, event_type, payload):
        self.gate.wait(PATIENCE)
        if self.errors:
            raise self.errors.pop()
        is_rule = event_type == notifications.RULE_STATE
        jsonschema.validate(payload, RULE_PAYLOAD if is_rule else PAYLOAD)
        self.sent.append((priority, event_type, payload))

    def info(self, *message):
        self._send("info", *message)

    def error(self, *message):
        self._send("error", *message)

    @property
    def types(self):
        return [event_type for _, event_type, _ in self.sent]


@pytest.fixture
def notifier():
    return Notifier()


@pytest.fixture
def listener(notifier, database):
    made = notifications.EventNotifier(notifier)
    yield made
    notifier.gate.set()
    made.stop(5)


@pytest.fixture
def job(database):
    job_id = planned_job(row("i1"), row("i2", status="SUCCESS", reason="created"))
    return db.jobs.get(PROJECT, job_id)


@pytest.mark.parametrize(
    ("event", "priority", "event_type", "state", "reason"),
    [
        (events.JobStarted, "info", notifications.START, "IN_PROGRESS", None),
        (events.JobProgress, "info", notifications.PROGRESS, "IN_PROGRESS", None),
        (
            lambda job: events.JobEnded(job, "SUCCESS", None, END),
            "info",
            notifications.END,
            "SUCCESS",
            None,
        ),
        # Items failed, but the job was completed.
        (
            lambda job: events.JobEnded(job, "FAILURE", None, END),
            "info",
            notifications.END,
            "FAILURE",
            None,
        ),
        (
            lambda job: events.JobEnded(job, "CANCELLED", "cancelled", END),
            "info",
            notifications.END,
            "CANCELLED",
            "cancelled",
        ),
        (
            lambda job: events.JobEnded(job, "FAILURE", "credentials_lost", END),
            "error",
            notifications.ERROR,
            "FAILURE",
            "credentials_lost",
        ),
    ],
)
def test_what_an_event_becomes(
    listener, notifier, job, event, priority, event_type, state, reason
):
    listener(event(job))
    listener.stop(5)
    ((sent_as, sent_type, payload),) = notifier.sent
    assert (sent_as, sent_type) == (priority, event_type)
    assert (payload["job_id"], payload["project_id"]) == (job.id, PROJECT)
    assert (payload["state"], payload["reason"]) == (state, reason)
    assert payload["statuses"] == {"IN_PROGRESS": 1, "SUCCESS": 1}
    assert payload["outcomes"] == {"created": 1}
    assert (payload["source_regions"], payload["target_regions"]) == (["R1"], ["R2"])
    assert "trust" not in str(payload).replace("trusted", "")
    ended_at = None if state == "IN_PROGRESS" else "2026-11-22T23:00:05.000000Z"
    assert payload["ended_at"] == ended_at


@pytest.mark.parametrize(
    ("priority", "before", "state", "reason", "message"),
    [
        ("error", "OK", "FAILING", "quota", "There is no room."),
        ("error", "FAILING", "NO_CREDENTIALS", "trust_gone", "Keystone has no such trust."),
        ("info", "NO_CREDENTIALS", "OK", None, None),
    ],
)
def test_a_rule_in_another_state(listener, notifier, priority, before, state, reason, message):
    change = db.RuleChange("r1", "golden", PROJECT, "u1", before, state, reason, message)
    listener(events.RuleStateChanged(change, END))
    listener.stop(5)
    told = {
        **{"rule_id": "r1", "name": "golden", "project_id": PROJECT, "user_id": "u1"},
        **{"before": before, "state": state, "reason": reason, "message": message},
        "changed_at": "2026-11-22T23:00:05.000000Z",
    }
    assert notifier.sent == [(priority, "kingbird.rule.state", told)]


def test_progress_is_not_sent_after_the_end(listener, notifier, job):
    """Two engines may work on a job; the one that is late has no news."""
    db.job_ends.end_job(job)
    listener(events.JobEnded(job, "FAILURE", None, END))
    listener(events.JobProgress(job))
    listener.stop(5)
    assert notifier.types == [notifications.END]


def test_the_numbers_are_those_of_the_run(listener, notifier, job):
    db.job_ends.end_job(job)
    ended = db.jobs.get(PROJECT, job.id)
    assert db.job_actions.retry(
        ended, user_id="v" * 32, is_admin=False, trust_id="second", request_id="r2"
    )
    listener(events.JobEnded(ended, "FAILURE", None, END))
    listener.stop(5)
    ((_, _, payload),) = notifier.sent
    assert (payload["run"], payload["user_id"]) == (1, ended.user_id)
    assert payload["statuses"] is None


def test_what_waits_is_small(listener, notifier, job):
    """The queue may be long, and a row holds a request of up to a megabyte."""
    notifier.gate.clear()
    for _ in range(3):
        listener(events.JobEnded(job, "FAILURE", None, END))
    for waiting in listener._queue._waiting:
        assert not [value for value in waiting.content.values() if isinstance(value, db.Job)]
    assert "resources" not in str(listener._queue._waiting)


def test_other_events_are_nobodys_business(listener, notifier):
    listener(events.RegionCallRetried("R1"))
    listener.stop(5)
    assert notifier.sent == []


def test_progress_is_sent_now_and_then(listener, notifier, job, monkeypatch):
    for _ in range(5):
        listener(events.JobProgress(job))
    monkeypatch.setattr(notifications, "PROGRESS_INTERVAL", 0)
    listener(events.JobProgress(job))
    listener.stop(5)
    assert notifier.types == [notifications.PROGRESS] * 2


def test_stopping_waits_a_bounded_time(listener, notifier, job, caplog):
    notifier.gate.clear()
    for _ in range(3):
        listener(events.JobStarted(job))
    with bounded("the queue stops", notifier.gate.set):
        listener.stop(0.2)
    assert "Engine stopped before notifications were sent, dropped: 3" in caplog.text
    # Later events are ignored.
    events.emit(events.JobStarted(job))
    notifier.gate.set()


def test_one_that_fails_is_no_end(listener, notifier, job, caplog):
    notifier.errors.append(OSError("amqp://me:secret@broker/"))
    listener(events.JobStarted(job))
    listener(events.JobEnded(job, "SUCCESS", None, END))
    listener.stop(5)
    assert notifier.types == [notifications.END]
    assert "Unable to send notifications: OSError" in caplog.text
    assert "secret" not in caplog.text


def test_without_the_database_there_are_no_numbers(listener, notifier, job, monkeypatch):
    def away(*args, **kwargs):
        raise exception.Unavailable("away")

    monkeypatch.setattr(db.jobs, "get", away)
    listener(events.JobEnded(job, "SUCCESS", None, END))
    listener.stop(5)
    ((_, _, payload),) = notifier.sent
    assert payload["statuses"] is payload["outcomes"] is payload["target_regions"] is None
    assert (payload["job_id"], payload["state"]) == (job.id, "SUCCESS")


@pytest.mark.parametrize("driver", [[], ["noop"]])
def test_by_default_nobody_listens(conf, driver):
    subscribed = events._subscribers
    transport.use_in_process_transport(conf)
    assert notifications.start(conf) is None
    conf.set_override("driver", driver, group=transport.NOTIFICATIONS)
    assert notifications.start(conf) is None
    assert events._subscribers == subscribed


def test_without_a_broker_nobody_could_read_them(conf, caplog):
    caplog.set_level(logging.ERROR)
    transport.use_in_process_transport(conf)
    assert notifications.start(conf) is None
    conf.set_override("driver", ["messagingv2"], group=transport.NOTIFICATIONS)
    assert notifications.start(conf) is None
    assert "names no message broker" in caplog.text


@pytest.mark.parametrize("url", ["nonsense", "rabit://me:secret@broker/"])
@pytest.mark.parametrize("driver", ["messagingv2", "log"])
def test_a_wrong_address_does_not_keep_an_engine_from_work(conf, caplog, driver, url):
    transport.use_in_process_transport(conf)
    assert notifications.start(conf) is None
    conf.set_override("driver", [driver], group=transport.NOTIFICATIONS)
    conf.set_override("transport_url", url, group=transport.NOTIFICATIONS)
    assert notifications.start(conf) is None
    assert "Notifications are disabled" in caplog.text
    assert "secret" not in caplog.text


def test_drivers_that_need_a_broker_are_not_started_without(conf, caplog):
    transport.use_in_process_transport(conf)
    assert notifications.start(conf) is None
    conf.set_override("driver", ["log", "routing"], group=transport.NOTIFICATIONS)
    assert notifications.start(conf) is None
    assert "names no message broker" in caplog.text
