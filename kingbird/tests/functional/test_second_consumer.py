"""Another service hears the same notifications as Kingbird, and loses none of them.

It is as ceilometer is: it reads the topic's own queue.  Kingbird has a pool, which has a queue of
its own.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import oslo_messaging
from oslo_config import cfg

from kingbird.tests.functional import listening, services
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import KingbirdAPI, wildcard
from kingbird.tests.functional.people import Person, unique
from kingbird.tests.functional.programs import eventually
from kingbird.tests.waiting import PATIENCE

REGION = "RegionOne"
IMAGES = 6
#: The messages of Glance for an image that is made with its data.
SENT = Counter(
    {
        "image.create": 1,
        "image.update": 2,
        "image.prepare": 1,
        "image.upload": 1,
        "image.activate": 1,
    }
)


class Consumer:
    """Count the messages of one publisher by image and type."""

    def __init__(self, publisher: str) -> None:
        self._publisher = publisher
        self._lock = threading.Lock()
        self._heard: dict[str, Counter[str]] = {}

    def info(self, context: Any, publisher: Any, event: str, payload: Any, about: Any) -> None:
        """Take a message."""
        image_id = payload.get("id")
        # The copy in the other region has the same id.
        if image_id and publisher == self._publisher:
            with self._lock:
                self._heard.setdefault(image_id, Counter())[event] += 1

    def of(self, image_id: str) -> Counter[str]:
        """Return what was heard of an image."""
        with self._lock:
            return Counter(self._heard.get(image_id, ()))

    def has_all(self, image_id: str) -> bool:
        """Return True if all messages about an image were heard, or more."""
        return self.of(image_id) >= SENT


@contextmanager
def consumer(broker: Any) -> Iterator[Consumer]:
    """Consume the messages of a topic as another service does."""
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[])
    bus = oslo_messaging.get_notification_transport(conf, url=broker.transport_url)
    target = oslo_messaging.Target(topic=broker.topic, exchange="glance")
    endpoint = Consumer(broker.publisher(REGION))
    server = oslo_messaging.get_notification_listener(bus, [target], [endpoint])
    server.start()
    try:
        yield endpoint
    finally:
        server.stop()
        server.wait(timeout=PATIENCE)


def test_it_hears_every_message(
    cloud: Any, newcomer: Person, deploy_own: Callable[[Kind], Deployment]
) -> None:
    services.require("RabbitMQ")
    running = deploy_own(
        Kind(
            options={
                "listener": {
                    "regions": REGION,
                    "topic": cloud.broker.topic,
                    "pool": unique("kingbird"),
                },
                f"listener:{REGION}": {
                    "transport_url": f"{cloud.broker.transport_url}?amqp_auto_delete=false",
                    "publisher_id": cloud.broker.publisher(REGION),
                },
            }
        )
    )
    api = KingbirdAPI(running.url, newcomer)
    rule = {"name": unique("rule"), "interval": 0, "events": True}
    rule |= wildcard(source=[REGION], target=["RegionTwo"])
    made = api.call("POST", "-rules", json={"rule": rule}).json()["rule"]
    api.wait(made["last_job"])
    eventually("Kingbird listens", lambda: listening.is_heard(running, REGION))
    with consumer(cloud.broker) as other:
        images = [newcomer.make(REGION, b"some data")["id"] for _ in range(IMAGES)]
        for image_id in images:
            eventually(
                "Kingbird has heard of it", partial(newcomer.images("RegionTwo").get, image_id)
            )
            eventually("the other has heard all of it", partial(other.has_all, image_id))
    # Nobody else took them, and none came twice.
    assert {image_id: other.of(image_id) for image_id in images} == dict.fromkeys(images, SENT)
    api.call("DELETE", f"-rules/{made['id']}")
