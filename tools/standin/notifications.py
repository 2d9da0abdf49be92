"""Send what a Glance sends when its images change."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import oslo_messaging
from oslo_config import cfg

from kingbird.listener.events import TOLD
from kingbird.tests.doubles.glance_rules import SHOWN_ONLY

Image = Mapping[str, Any]

#: Glance's exchange.
EXCHANGE = "glance"
#: The messages of an upload, with the status that each tells.
UPLOAD = (
    ("image.update", "saving"),
    ("image.prepare", "saving"),
    ("image.upload", "active"),
    ("image.activate", "active"),
    ("image.update", "active"),
)
#: Fields that Glance shows and no message has.
_NOT_SENT = frozenset({*SHOWN_ONLY, "os_hidden", "os_hash_algo", "os_hash_value"})


def payload(image: Image, **fields: Any) -> dict[str, Any]:
    """Return an image as a message tells it: with nested properties, and without its hash."""
    sent = {name: image.get(name) for name in TOLD}
    own = {name: image[name] for name in image.keys() - TOLD - _NOT_SENT}
    return {
        **sent,
        "properties": own,
        "is_public": image["visibility"] == "public",
        "deleted": False,
        "deleted_at": None,
        **fields,
    }


class Sender:
    """Send messages in the order of the changes, in a thread of its own.

    :param transport_url: the broker.
    :param topics: Glance's ``[oslo_messaging_notifications] topics``.
    :ivar sent: the number of messages by event type.
    """

    def __init__(self, transport_url: str, topics: Sequence[str]) -> None:
        oslo_messaging.set_transport_defaults(EXCHANGE)
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[])
        self._bus = oslo_messaging.get_notification_transport(conf, transport_url)
        self._notifier = oslo_messaging.Notifier(
            self._bus, driver="messagingv2", topics=list(topics)
        )
        self.sent: Counter[str] = Counter()
        self._waiting: queue.SimpleQueue[tuple[str, str, Mapping[str, Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def send(self, region: str, event_type: str, message: Mapping[str, Any]) -> None:
        """Send a message of a region's Glance without waiting for the broker."""
        self._waiting.put((region, event_type, message))

    def _run(self) -> None:
        while True:
            region, event_type, message = self._waiting.get()
            sender = self._notifier.prepare(publisher_id=f"image.{region}")
            sender.info({}, event_type, message)
            self.sent[event_type] += 1
