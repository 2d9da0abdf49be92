"""The base of the services that the launcher runs in worker processes.

``start()`` creates everything, because the launcher forks before it.  If ``start()`` raises, the
launcher starts the service again.  It calls ``stop()`` even if the service never started.
"""

import threading

from oslo_config import cfg
from oslo_service import service

from kingbird import gmr, metrics
from kingbird.db import api as db


class ProcessService(service.ServiceBase):
    """Base of the services; its own methods are called by those of the same name."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._conf = conf
        self._ended = threading.Event()

    def start(self) -> None:
        """Share no connections with the parent process, and tell how this one does."""
        db.dispose()
        metrics.start(self._conf)
        gmr.watch_trigger_file(self._conf)

    def stop(self) -> None:
        """End :meth:`wait`."""
        self._ended.set()

    def wait(self) -> None:
        """Wait until :meth:`stop` is done."""
        self._ended.wait()

    def reset(self) -> None:
        """Do nothing at SIGHUP; the launcher has reloaded the mutable options."""
