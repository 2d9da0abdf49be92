"""The listener as a service for the launcher; see :mod:`kingbird.cmd.engine_service`."""

import sys
import threading

from oslo_config import cfg
from oslo_service import service

from kingbird import exception, gmr, metrics
from kingbird.db import api as db
from kingbird.listener import brokers
from kingbird.listener.service import Listener
from kingbird.rpc.client import EngineClient


def check(conf: cfg.ConfigOpts) -> None:
    """Check the regions that are to be heard, before anything is started.

    :raises SystemExit: one can't be heard, or nothing tells it apart from another one.
    """
    try:
        brokers.brokers(conf)
    except exception.ConfigurationError as error:
        sys.exit(error.message)


class ListenerService(service.ServiceBase):
    """A listener, in a process of its own or beside an engine."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._conf = conf
        self._listener: Listener | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        """Start to listen, with threads of its own."""
        db.dispose()
        metrics.start(self._conf)
        gmr.watch_trigger_file(self._conf)
        client = EngineClient(self._conf)
        self._listener = Listener(self._conf, announce=client.marks_ready)
        gmr.register_section("Listener", self._listener.describe)
        self._listener.start()

    def stop(self) -> None:
        """Stop to listen, and leave what is not processed to the next listener."""
        if self._listener is not None:
            self._listener.stop()
        self._ended.set()

    def wait(self) -> None:
        """Wait until :meth:`stop` is done."""
        self._ended.wait()

    def reset(self) -> None:
        """Do nothing at SIGHUP; the launcher has reloaded the mutable options."""
