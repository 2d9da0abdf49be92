"""Runs what hears notifications of Glances: a listener beside a Kingbird, or another service."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import oslo_messaging
from oslo_config import cfg

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.programs import Program, eventually

#: Seconds between two heartbeats.  A change of a connection is stored at once.
HEARTBEAT = 1


def configure(
    running: Deployment,
    cloud: Any,
    regions: Sequence[str],
    url: str | None = None,
    **options: Any,
) -> None:
    """Write the options of a listener into a Kingbird's configuration.

    :param cloud: a :class:`minicloud.cloud.Cloud` whose Glances send notifications.
    :param url: the broker to which they send, if it is not the cloud's.
    :param options: options of ``[listener]`` that differ from the default.
    """
    running.change(
        "listener",
        regions=", ".join(regions),
        topic=cloud.broker.topic,
        heartbeat_interval=HEARTBEAT,
        **options,
    )
    for region in regions:
        running.change(
            f"listener:{region}",
            # Kingbird's own queues go with their consumers, and Glance's stay.
            transport_url=f"{url or cloud.broker.transport_url}?amqp_auto_delete=false",
            publisher_id=cloud.broker.publisher(region).replace(".", r"\."),
        )


def start(running: Deployment, number: int = 1) -> Program:
    """Start a listener.

    :param number: distinguishes the logs of several.
    """
    log = running.config.parent / f"kingbird-listener-{number}.log"
    command = ["kingbird-listener", "--config-file", str(running.config)]
    return Program(command, log, backend=running.kind.backend)


def regions_of(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the last heartbeat of a listener says of each region.

    :param row: as a database returns it, of which MariaDB returns JSON as a text.
    """
    stored = row["regions"]
    found: dict[str, dict[str, Any]] = json.loads(stored) if isinstance(stored, str) else stored
    return found


def is_heard(running: Deployment, region: str) -> bool:
    """Return True if a listener is connected to a region's broker."""
    rows = running.rows()["listeners"]
    return any(regions_of(row).get(region, {}).get("connected") for row in rows)


@contextmanager
def listener(running: Deployment, cloud: Any, regions: Sequence[str]) -> Iterator[Program]:
    """Run a listener that hears some regions, and wait until it does."""
    configure(running, cloud, regions)
    program = start(running)
    try:
        eventually(
            "the listener hears all regions",
            lambda: any(len(row["regions"]) > 2 for row in running.rows()["listeners"]),
        )
        yield program
    finally:
        program.stop()


class Consumer:
    """Another service that reads notifications, as ceilometer does, with a queue of its own.

    :ivar messages: the id, the event type and the payload of each message that came.
    """

    def __init__(self, transport_url: str, topic: str) -> None:
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[])
        self.messages: list[tuple[str, str, dict[str, Any]]] = []
        self._bus = oslo_messaging.get_notification_transport(conf, transport_url)
        self._server = oslo_messaging.get_notification_listener(
            self._bus,
            [oslo_messaging.Target(topic=topic, exchange="glance")],
            [self],
            pool="ceilometer",
        )

    def __enter__(self) -> Self:
        self._server.start(override_pool_size=1)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._server.wait()
        self._bus.cleanup()

    @property
    def ids(self) -> set[str]:
        """Return the ids of the messages."""
        return {message[0] for message in self.messages}

    def info(self, context: Any, publisher: Any, event: Any, payload: Any, metadata: Any) -> None:
        """Take a message."""
        self.messages.append((metadata["message_id"], event, payload))
