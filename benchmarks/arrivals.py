"""Hear from Glance itself when a region has an image; asking for it would cost as much."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from kingbird.tests.functional.listening import Consumer

REGIONS = ("RegionOne", "RegionTwo", "RegionThree")
#: Seconds after which an image that has not arrived is an error.
PATIENCE = 60.0


class Arrivals(Consumer):
    """The times at which images arrived in regions, from now on.

    :param matches: tells by an event and its payload whether an image has arrived.
    """

    def __init__(
        self, transport_url: str, topic: str, matches: Callable[[str, Mapping[str, Any]], bool]
    ) -> None:
        self._matches = matches
        self._times: dict[tuple[str, str], float] = {}
        self._came = threading.Condition()
        super().__init__(transport_url, topic)

    def info(self, context: Any, publisher: Any, event: Any, payload: Any, metadata: Any) -> None:
        """Note when an image arrived first."""
        if self._matches(event, payload):
            with self._came:
                region = str(publisher).rpartition(".")[2]
                self._times.setdefault((payload["id"], region), time.monotonic())
                self._came.notify_all()

    def wait(self, image_id: str, home: str) -> float:
        """Wait until all other regions have an image, and return the time of the last one."""
        others = [(image_id, region) for region in REGIONS if region != home]
        with self._came:
            if not self._came.wait_for(lambda: self._times.keys() >= {*others}, PATIENCE):
                raise RuntimeError(f"The image {image_id} of {home} is not in all regions")
            return max(self._times[one] for one in others)


def created(transport_url: str, topic: str) -> Arrivals:
    """Wait for records."""
    return Arrivals(transport_url, topic, lambda event, _: event == "image.create")


def deactivated(transport_url: str, topic: str) -> Arrivals:
    """Wait for deactivations."""
    return Arrivals(
        transport_url,
        topic,
        lambda event, payload: event == "image.update" and payload.get("status") == "deactivated",
    )


def activated(transport_url: str, topic: str) -> Arrivals:
    """Wait for data."""
    return Arrivals(
        transport_url,
        topic,
        lambda event, payload: event == "image.update" and payload.get("status") == "active",
    )
