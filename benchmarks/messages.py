"""Messages that no rule is about: how fast the listener takes them, and what they cost."""

import itertools
import time
import uuid
from collections.abc import Iterator

import kombu
import oslo_messaging
from minicloud.broker import TOPIC
from oslo_config import cfg
from standin.notifications import payload

from benchmarks.rule_scene import Scene, scene
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.tests.functional.people import RAW

#: Seconds between two looks at the queue.
POLL = 0.02
#: Seconds after which messages that are not taken are an error.
PATIENCE = 300.0
#: Statements a message.
AT_MOST = 0.1


def _send(messages: Scene, count: int) -> None:
    """Send messages about active images of a project that has no rule, to Kingbird's topic."""
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[])
    bus = oslo_messaging.get_notification_transport(conf, messages.broker.transport_url)
    sender = oslo_messaging.Notifier(bus, driver="messagingv2", topics=[TOPIC])
    by_region = [
        sender.prepare(publisher_id=messages.broker.publisher(region))
        for region in messages.regions
    ]
    for each, _ in zip(itertools.cycle(by_region), range(count), strict=False):
        image = {
            "id": str(uuid.uuid4()),
            "name": "cirros",
            "owner": uuid.uuid4().hex,
            "status": "active",
            "visibility": "shared",
            "size": 4,
            "tags": ["golden"],
            "os_distro": "debian",
            **RAW,
        }
        each.info({}, "image.update", payload(image))
    bus.cleanup()


def _until(queue: kombu.Queue, below: int) -> float:
    """Wait until fewer messages than a number are in a queue, and return the time."""
    deadline = time.monotonic() + PATIENCE
    while queue.queue_declare(passive=True).message_count >= below:
        if time.monotonic() > deadline:
            raise RuntimeError(f"Messages are not taken from {queue.name}")
        time.sleep(POLL)
    return time.monotonic()


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Let messages gather while no listener runs, and let one take them."""
    if not world.is_complete:
        return
    count = 2_000 if quick else 10_000
    url = "transport_url"
    with scene(world) as messages:
        for name in ("demo", "other"):
            messages.rule(messages.person(name))
        messages.stop_listener()
        url = messages.broker.transport_url.replace("rabbit://", "amqp://", 1)
        with kombu.Connection(url, transport="pyamqp") as connection:
            queue = kombu.Queue(f"{TOPIC}.info", channel=connection.channel())
            _until(queue, 1)
            _send(messages, count)
            messages.start_listener()
            # The queue no longer counts messages that are read ahead of the first one done.
            begin = _until(queue, count - 200)
            before = messages.spent()
            left = queue.queue_declare(passive=True).message_count
            seconds = _until(queue, 1) - begin
            after = messages.spent()
        marks = messages.number("SELECT COUNT(*) FROM marks")
    cost = 1000 * (after.listener_cpu - before.listener_cpu)
    asked = after.listener.since(before.listener)
    what = f"{count} messages that match nothing"
    yield Row(
        f"{what}: taken a second",
        left / seconds,
        None,
        f"{left} in {seconds:.1f} s; {cost / left:.2f} ms of processor time a message",
        unit="a second",
    )
    yield Row(
        f"{what}: statements of the database, for a hundred messages",
        100 * asked.statements / left,
        100 * AT_MOST,
        f"{asked.statements} statements; {marks} marks",
        unit="of them",
    )
