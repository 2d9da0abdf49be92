"""The engine as a service for the launcher; see :mod:`kingbird.cmd.process`."""

import logging
import threading
import time
from typing import Any

from oslo_config import cfg

from kingbird import gmr
from kingbird.cmd.process import ProcessService
from kingbird.engine.service import Engine
from kingbird.notifications import notifier
from kingbird.rpc import server, transport, version_cap
from kingbird.rpc.client import EngineClient

LOG = logging.getLogger(__name__)

#: Seconds that a stopping engine waits until the broker closes its queues.
RPC_STOP_TIMEOUT = 5.0
#: Seconds between two warnings about an unreachable broker at the start.
WARN_INTERVAL = 5.0


class EngineService(ProcessService):
    """An engine and its RPC server."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        self._engine: Engine | None = None
        self._server: Any = None
        self._notifications: notifier.EventNotifier | None = None
        self._rpc_started = threading.Event()

    def start(self) -> None:
        """Start the engine, which polls the database, and the RPC server."""
        super().start()
        self._notifications = notifier.start(self._conf)
        bus = transport.get_transport(self._conf)
        client = EngineClient(self._conf, bus)
        self._engine = Engine(
            self._conf, announce=client.tasks_ready, rpc_version=version_cap.VERSION
        )
        gmr.register_section("Engine", self._engine.describe)
        self._engine.start()
        self._server = server.create(self._conf, self._engine, bus)
        # Connecting blocks while the broker is unreachable.  The engine polls meanwhile.
        threading.Thread(target=self._start_rpc, name="kingbird-rpc", daemon=True).start()
        threading.Thread(target=self._warn_until_connected, daemon=True).start()

    def _start_rpc(self) -> None:
        self._server.start()
        self._rpc_started.set()
        LOG.info("RPC server started")

    def _warn_until_connected(self) -> None:
        # oslo.messaging logs a failed connection without its purpose.
        while not self._rpc_started.wait(WARN_INTERVAL) and not self._ended.is_set():
            LOG.warning(
                "Message broker unreachable, polling the database for work until it is not"
            )

    def stop(self) -> None:
        """Stop the RPC server and then the engine, both within the graceful shutdown timeout."""
        begin = time.monotonic()
        if self._rpc_started.is_set():
            # The RPC server waits for a broker that became unreachable.  The engine must not.
            stopping = threading.Thread(target=self._server.stop, daemon=True)
            stopping.start()
            # The RPC server stops first.  A token that reached a stopping engine would be lost.
            stopping.join(min(RPC_STOP_TIMEOUT, self._conf.engine.graceful_shutdown_timeout))
        if self._engine is not None:
            self._engine.stop(elapsed=time.monotonic() - begin)
        if self._notifications is not None:
            # The engine may have closed jobs until now.
            left = self._conf.engine.graceful_shutdown_timeout - (time.monotonic() - begin)
            self._notifications.stop(max(min(left, notifier.DRAIN), 0))
        super().stop()
