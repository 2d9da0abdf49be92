"""Notifications of jobs for a consumer on RabbitMQ.  Jobs run without a consumer too."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jsonschema
import oslo_messaging
import pytest
from oslo_config import cfg

from kingbird.notifications import notifier as notifications
from kingbird.tests.doubles.notification_schema import PAYLOAD
from kingbird.tests.functional import services
from kingbird.tests.functional.deployment import Deployment, Kind, Options
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.relay import Relay

DeployOwn = Callable[[Kind], Deployment]

TOPIC = f"kingbird-test-{uuid.uuid4().hex[:12]}"
#: Seconds for which an engine waits for what hangs when it stops.
GRACE = 120


class Consumer:
    """A consumer that keeps notifications."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str, dict[str, Any]]] = []

    def info(self, context: Any, publisher: str, event: str, payload: Any, metadata: Any) -> None:
        self._take("info", publisher, event, payload)

    def error(self, context: Any, publisher: str, event: str, payload: Any, metadata: Any) -> None:
        self._take("error", publisher, event, payload)

    def _take(self, priority: str, publisher: str, event: str, payload: dict[str, Any]) -> None:
        assert publisher.startswith("kingbird-engine.")
        self.received.append((priority, event, payload))

    def of(self, job_id: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the notifications of a job by priority and type."""
        return {
            (priority, event): payload
            for priority, event, payload in self.received
            if payload.get("job_id") == job_id
        }


@contextmanager
def listening(broker_url: str, running: Deployment) -> Iterator[Consumer]:
    """Consume notifications as another service would."""
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[str(running.config)], default_config_dirs=[])
    transport = oslo_messaging.get_notification_transport(conf, url=broker_url)
    consumer = Consumer()
    listener = oslo_messaging.get_notification_listener(
        transport, [oslo_messaging.Target(topic=TOPIC)], [consumer]
    )
    listener.start()
    try:
        yield consumer
    finally:
        listener.stop()
        listener.wait()
        transport.cleanup()


def notified(consumer: Consumer, job_id: str, last: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Wait for a job's last notification, and return all of them."""
    eventually(
        f"a notification {last}", lambda: any(event == last for _, event in consumer.of(job_id))
    )
    received = consumer.of(job_id)
    for payload in received.values():
        jsonschema.validate(payload, PAYLOAD)
    return received


def test_a_consumer_hears_how_jobs_get_on(demo: Person, deploy_own: DeployOwn) -> None:
    services.require("RabbitMQ")
    options = {"oslo_messaging_notifications": {"driver": "messagingv2", "topics": TOPIC}}
    with services.broker() as broker_url:
        running = deploy_own(Kind(transport_url=broker_url, options=options))
        services.wait_for_consumers(broker_url, 1)
        api = KingbirdAPI(running.url, demo)
        with listening(broker_url, running) as consumer:
            image = demo.make("RegionOne")
            targets = ["RegionTwo", "RegionThree"]
            done = api.run(sync(image["id"], target=targets))
            assert done.status == SUCCESS
            received = notified(consumer, done.id, notifications.END)
            began = received["info", notifications.START]
            assert (began["state"], began["statuses"]) == ("IN_PROGRESS", {})
            ended = received["info", notifications.END]
            assert (ended["state"], ended["outcomes"]) == (SUCCESS, {"created": 2})
            assert ended["target_regions"] == sorted(targets)
            assert ended["project_id"] == demo.project_id
            assert began["ended_at"] is None
            assert began["created_at"] == ended["created_at"] < ended["ended_at"]

            # A job with failed items ends with the same event.  Its counts differ.
            demo.images("RegionTwo").update(
                image["id"], [{"op": "replace", "path": "/name", "value": "another"}]
            )
            drifted = api.run(sync(image["id"], target=targets))
            ended = notified(consumer, drifted.id, notifications.END)["info", notifications.END]
            assert (ended["state"], ended["reason"]) == (FAILURE, None)
            assert ended["outcomes"] == {"drift": 1, "in_sync": 1}

            # A job that cannot be processed emits an error.
            (engine,) = running.engines
            assert engine.stop() == 0, engine.tail()
            given_up = api.accepted(sync(demo.make("RegionOne")["id"]))
            (trust,) = [row["trust_id"] for row in running.rows()["jobs"] if row["id"] == given_up]
            demo.keystone("DELETE", f"/OS-TRUST/trusts/{trust}")
            running.start_engine()
            assert api.wait(given_up).status == FAILURE
            received = notified(consumer, given_up, notifications.ERROR)
            failed = received["error", notifications.ERROR]
            assert (failed["state"], failed["reason"]) == (FAILURE, "forbidden")
            assert not any(trust in str(payload) for _, _, payload in consumer.received)


def test_jobs_need_no_consumer_and_no_broker(demo: Person, deploy_own: DeployOwn) -> None:
    away = f"rabbit://guest:guest@127.0.0.1:{services.closed_port()}/"
    options: Options = {
        "oslo_messaging_notifications": {"driver": "messagingv2", "transport_url": away},
        "engine": {"graceful_shutdown_timeout": GRACE},
    }
    services.require("RabbitMQ")
    with services.broker() as broker_url:
        running = deploy_own(Kind(transport_url=broker_url, options=options))
        api = KingbirdAPI(running.url, demo)
        for _ in range(2):
            assert api.run(sync(demo.make("RegionOne")["id"])).status == SUCCESS
        (engine,) = running.engines
        began = time.monotonic()
        assert engine.stop() == 0, engine.tail()
        assert time.monotonic() - began < GRACE
        log = running.logs[-1].read_text()
        assert log.count("Unable to send notification to notifications: ") == 1
        assert "Could not send notification" not in log


@pytest.mark.parametrize("backend", ["threading", "eventlet"])
def test_a_broker_that_falls_silent(backend: str, demo: Person, deploy_own: DeployOwn) -> None:
    """A broker that stops answering delays neither a job nor the shutdown."""
    services.require("RabbitMQ")
    with services.broker() as broker_url, Relay(broker_url) as relay:
        options: Options = {
            "oslo_messaging_notifications": {
                "driver": "messagingv2",
                "topics": TOPIC,
                "transport_url": relay.url,
            },
        }
        running = deploy_own(Kind(backend=backend, options=options))
        api = KingbirdAPI(running.url, demo)
        with listening(broker_url, running) as consumer:
            done = api.run(sync(demo.make("RegionOne")["id"]))
            notified(consumer, done.id, notifications.END)
            relay.stall()
            assert api.run(sync(demo.make("RegionOne")["id"])).status == SUCCESS
            assert running.api is not None
            assert running.api.stop() == 0, running.api.tail()
            assert "Engine stopped before notifications were sent" in running.logs[-1].read_text()
            relay.go_on()
