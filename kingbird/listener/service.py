"""Build, start and stop a listener."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from kingbird import log_filters
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.listener import brokers
from kingbird.listener.consumer import Consumer
from kingbird.listener.health import Hearing, Heart
from kingbird.listener.marks import Endpoint, MarkWriter
from kingbird.listener.polling import Poller

LOG = logging.getLogger(__name__)

#: Seconds between two wake-ups of engines.
WAKE_INTERVAL = 0.05
#: Seconds that a stopping listener waits for each step: its brokers, and its row.
STOP_TIMEOUT, DEREGISTER_TIMEOUT = 10.0, 2.0


class Listener:
    """Hear of images over the brokers of regions, and poll regions without one.

    :param announce: tells engines that there are marks.
    :raises kingbird.exception.ConfigurationError: a region can't be heard.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        *,
        announce: Callable[[], None],
        keystone: Keystone | None = None,
        clients: ImageClientFactory | None = None,
    ) -> None:
        host = socket.gethostname()
        self.id = f"{host[:20]}:{os.getpid()}:{uuid.uuid4()}"[:64]
        self._announce = announce
        self._stopping = threading.Event()
        self._marked = threading.Event()
        self._hearing = Hearing(brokers.regions(conf))
        writer = MarkWriter(conf, self._marked.set, self._stopping)
        self._consumers = [
            Consumer(
                conf,
                broker,
                Endpoint(broker, self._hearing, writer.write),
                self._hearing,
                self._stopping,
            )
            for broker in brokers.brokers(conf)
        ]
        keystone = keystone or Keystone(conf)
        clients = clients or ImageClientFactory(conf)
        self._pollers = [
            Poller(conf, region, keystone, clients, writer.write, self._hearing, self._stopping)
            for region in brokers.polled(conf)
        ]
        self._heart = Heart(
            self.id, self._hearing, lambda: conf.listener.heartbeat_interval, self._stopping
        )
        for text in brokers.warnings(conf):
            LOG.warning("%s", text)

    def start(self) -> None:
        """Start the listener's threads.  Nothing is waited for."""
        LOG.info("Starting listener %s", self.id)
        log_filters.limit_driver_lines()
        for name, function in (
            *((f"listen-{consumer.names}", consumer.run) for consumer in self._consumers),
            *((f"poll-{poller.region}", poller.run) for poller in self._pollers),
            ("heart", self._heart.run),
            ("wake", self._wake_engines),
        ):
            threading.Thread(target=function, name=f"kingbird-{name}", daemon=True).start()

    def describe(self) -> dict[str, Any]:
        """Return the state of the listener."""
        return {
            "id": self.id,
            "stopping": self._stopping.is_set(),
            "regions": self._hearing.describe(),
        }

    def stop(self) -> None:
        """Stop within bounds, whatever a broker or the database does."""
        if self._stopping.is_set():
            return
        LOG.info("Stopping listener %s", self.id)
        self._stopping.set()
        for event in (self._marked, self._hearing.changed):
            event.set()
        _run_all([consumer.stop for consumer in self._consumers], STOP_TIMEOUT)
        _run_all([self._heart.stop], DEREGISTER_TIMEOUT)

    def _wake_engines(self) -> None:
        # In a thread of its own, so that no message waits for the engines' broker.
        while True:
            self._marked.wait()
            self._marked.clear()
            if self._stopping.is_set():
                return
            self._announce()
            self._stopping.wait(WAKE_INTERVAL)


def _run_all(functions: list[Callable[[], None]], seconds: float) -> None:
    """Call functions at the same time, and wait for all of them for at most some seconds."""
    threads = [threading.Thread(target=function, daemon=True) for function in functions]
    end = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
