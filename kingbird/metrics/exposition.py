"""Count events in this process, and serve the metrics of all processes of a service.

The processes add their counters up in files (prometheus_client's multiprocess mode).  One process
serves them.  If it ends, another one takes over within a second, so gunicorn and uwsgi need no
hook.
"""

import logging
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from oslo_config import cfg
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from kingbird import events
from kingbird.metrics.collector import DatabaseCollector
from kingbird.metrics.counters import Counters
from kingbird.metrics.multiproc_dir import MultiprocessDir

LOG = logging.getLogger(__name__)

#: Seconds between two attempts of a process to become the one that serves.
ELECTION_INTERVAL = 1.0
#: Seconds between two attempts to listen.
RETRY_DELAY = 5.0


def start(conf: cfg.ConfigOpts, folder: MultiprocessDir, host: str, port: int) -> None:
    """Start to count, and to serve when it is this process's turn."""
    # The served values come from the files of all processes, not from this registry.
    events.subscribe(Counters(CollectorRegistry()))
    exposer = _Exposer(conf, folder, host, port)
    exposer.start()
    os.register_at_fork(after_in_child=exposer.after_fork)


class _LiveCollector(MultiProcessCollector):
    """A collector without gauges of processes that have ended."""

    def __init__(self, registry: CollectorRegistry, folder: MultiprocessDir) -> None:
        self._folder = folder
        super().__init__(registry, str(folder.path))

    def collect(self) -> Iterable[Metric]:
        """Return the sums of all processes."""
        self._folder.remove_dead_gauges()
        return super().collect()


@dataclass(eq=False, repr=False)
class _Exposer:
    """A server of metrics that starts when it is this process's turn."""

    conf: cfg.ConfigOpts
    folder: MultiprocessDir
    host: str
    port: int

    def start(self) -> None:
        """Wait for the turn in a thread."""
        threading.Thread(target=self._run, name="kingbird-metrics", daemon=True).start()

    def after_fork(self) -> None:
        """Join the service's processes in a forked child."""
        self.folder.drop_inherited_locks()
        try:
            self.folder.join()
        except OSError as error:
            LOG.error("Unable to serve metrics from this process: %s", error)
        else:
            self.start()

    def _run(self) -> None:
        pause = threading.Event()
        registry = CollectorRegistry()
        _LiveCollector(registry, self.folder)
        registry.register(DatabaseCollector(self.conf))
        address = f"{self.host}:{self.port}"
        is_reported = False
        while True:
            try:
                if self.folder.try_lead():
                    start_http_server(self.port, self.host, registry)
                    LOG.info("Serving metrics at %s", address)
                    return
                delay = ELECTION_INTERVAL
            except OSError as error:
                if not is_reported:
                    LOG.error("Unable to serve metrics at %s: %s", address, error)
                is_reported = True
                delay = RETRY_DELAY
            pause.wait(delay)
