"""Count events in this process, and serve the metrics of all processes of a service.

The processes add their counters up in files (prometheus_client's multiprocess mode).  One process
serves them.  If it ends, another one takes over within a second, so gunicorn and uwsgi need no
hook.
"""

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_utils import netutils

from kingbird import events
from kingbird.metrics.multiproc_dir import MultiprocessDir

LOG = logging.getLogger(__name__)

#: The environment variable with the directory.  prometheus_client reads it when it is imported.
ENVIRONMENT = "PROMETHEUS_MULTIPROC_DIR"
#: Seconds between two attempts of a process to become the one that serves.
ELECTION_INTERVAL = 1.0
#: Seconds between two attempts to listen.
RETRY_DELAY = 5.0


def start(conf: cfg.ConfigOpts) -> None:
    """Start to count, and to serve when it is this process's turn.

    :raises OSError: ``[metrics] directory`` cannot be used.
    """
    host, port = netutils.parse_host_port(conf.metrics.listen)
    # Services may share the directory but not their files.
    folder = MultiprocessDir(Path(conf.metrics.directory) / f"{conf.prog or 'kingbird'}-{port}")
    folder.join()
    os.environ[ENVIRONMENT] = str(folder.path)
    from prometheus_client import CollectorRegistry  # noqa: PLC0415  it reads the environment

    from kingbird.metrics.counters import Counters  # noqa: PLC0415

    # The served values come from the files of all processes, not from this registry.
    events.subscribe(Counters(CollectorRegistry()))
    exposer = _Exposer(conf, folder, host, port)
    exposer.start()
    os.register_at_fork(after_in_child=exposer.after_fork)


class _Exposer:
    """A server of metrics that starts when it is this process's turn."""

    def __init__(
        self, conf: cfg.ConfigOpts, folder: MultiprocessDir, host: str, port: int
    ) -> None:
        self._conf = conf
        self._folder = folder
        self._host = host
        self._port = port

    def start(self) -> None:
        """Wait for the turn in a thread."""
        threading.Thread(target=self._run, name="kingbird-metrics", daemon=True).start()

    def after_fork(self) -> None:
        """Join the service's processes in a forked child."""
        self._folder.drop_inherited_locks()
        try:
            self._folder.join()
        except OSError as error:
            LOG.error("Unable to serve metrics from this process: %s", error)
        else:
            self.start()

    def _run(self) -> None:
        pause = threading.Event()
        registry = _registry(self._conf, self._folder)
        is_reported = False
        while True:
            try:
                if self._folder.try_lead():
                    self._listen(registry)
                    return
                delay = ELECTION_INTERVAL
            except OSError as error:
                if not is_reported:
                    LOG.error("Unable to serve metrics at %s: %s", self._address, error)
                is_reported = True
                delay = RETRY_DELAY
            pause.wait(delay)

    @property
    def _address(self) -> str:
        return f"{self._host}:{self._port}"

    def _listen(self, registry: Any) -> None:
        from prometheus_client import start_http_server  # noqa: PLC0415  see start()

        start_http_server(self._port, self._host, registry)
        LOG.info("Serving metrics at %s", self._address)


def _registry(conf: cfg.ConfigOpts, folder: MultiprocessDir) -> Any:
    from prometheus_client import CollectorRegistry, Metric  # noqa: PLC0415  see start()
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415
    from prometheus_client.registry import Collector  # noqa: PLC0415

    from kingbird.metrics.collector import DatabaseCollector  # noqa: PLC0415

    class LiveCollector(Collector):
        """A collector without gauges of processes that have ended."""

        def __init__(self) -> None:
            self._files = MultiProcessCollector(None, str(folder.path))

        def collect(self) -> Iterator[Metric]:
            folder.remove_dead_gauges()
            yield from self._files.collect()

    registry = CollectorRegistry()
    registry.register(LiveCollector())
    registry.register(DatabaseCollector(conf))
    return registry
