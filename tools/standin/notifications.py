"""Send what a Glance sends when its images change."""

from __future__ import annotations

import queue
import sys
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
_WITHOUT_DATA = dict.fromkeys(("size", "virtual_size", "checksum"))
_STORES: dict[str, Any] = {"os_glance_importing_to_stores": [], "os_glance_failed_import": []}
_SAVING = {"status": "saving", **_WITHOUT_DATA}
#: The messages of an upload, with the fields that differ from those of the image with its data.
UPLOAD: Sequence[tuple[str, dict[str, Any]]] = (
    ("image.update", _SAVING),
    ("image.prepare", {**_SAVING, **_STORES, "backend": "file"}),
    ("image.upload", _STORES),
    ("image.activate", {}),
    ("image.update", {}),
)
#: Seconds after which a thread lets another one run.
SWITCH_INTERVAL = 0.0005
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
    """Send messages in the order of each region's changes, in a thread a region.

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
        self._lock = threading.Lock()
        self._waiting: dict[str, queue.SimpleQueue[tuple[str, Mapping[str, Any]]]] = {}
        # The threads wait for answers of the broker most of the time, and would be slowed down by
        # the thread that serves images.
        sys.setswitchinterval(SWITCH_INTERVAL)

    def send(self, region: str, event_type: str, message: Mapping[str, Any]) -> None:
        """Send a message of a region's Glance without waiting for the broker."""
        if region not in self._waiting:
            self._waiting[region] = queue.SimpleQueue()
            threading.Thread(target=self._run, args=(region,), daemon=True).start()
        self._waiting[region].put((event_type, message))

    def _run(self, region: str) -> None:
        sender = self._notifier.prepare(publisher_id=f"image.{region}")
        while True:
            event_type, message = self._waiting[region].get()
            sender.info({}, event_type, message)
            with self._lock:
                self.sent[event_type] += 1
