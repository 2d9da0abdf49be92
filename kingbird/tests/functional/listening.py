"""Runs a listener beside a Kingbird, on the broker to which a cloud's Glances send."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.programs import Program, eventually

#: Seconds between two heartbeats.  A change of a connection is stored at once.
HEARTBEAT = 1


def configure(running: Deployment, cloud: Any, regions: Sequence[str], **options: Any) -> None:
    """Write the options of a listener into a Kingbird's configuration.

    :param cloud: a :class:`minicloud.cloud.Cloud` whose Glances send notifications.
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
            transport_url=f"{cloud.broker.transport_url}?amqp_auto_delete=false",
            publisher_id=cloud.broker.publisher(region).replace(".", r"\."),
        )


def start(running: Deployment, number: int = 1) -> Program:
    """Start a listener.

    :param number: distinguishes the logs of several.
    """
    log = running.config.parent / f"kingbird-listener-{number}.log"
    command = ["kingbird-listener", "--config-file", str(running.config)]
    return Program(command, log, backend=running.kind.backend)


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
