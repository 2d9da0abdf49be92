"""The listener as a service for the launcher; see :mod:`kingbird.cmd.process`."""

import sys

from oslo_config import cfg

from kingbird import exception, gmr
from kingbird.cmd.process import ProcessService
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


class ListenerService(ProcessService):
    """A listener, in a process of its own or beside an engine."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        self._listener: Listener | None = None

    def start(self) -> None:
        """Start to listen, with threads of its own."""
        super().start()
        client = EngineClient(self._conf)
        self._listener = Listener(self._conf, announce=client.marks_ready)
        gmr.register_section("Listener", self._listener.describe)
        self._listener.start()

    def stop(self) -> None:
        """Stop to listen, and leave what is not processed to the next listener."""
        if self._listener is not None:
            self._listener.stop()
        super().stop()
