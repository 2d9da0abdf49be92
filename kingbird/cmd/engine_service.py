"""The engine as a service that a program launches.

All is built in ``start()``, as the launcher forks before it; it starts it again for ever when
it raises, and calls ``stop()`` even when it never ran.
"""

import logging
import threading
import time
from typing import Any

from oslo_config import cfg
from oslo_service import service

from kingbird import gmr, metrics
from kingbird.db import api as db
from kingbird.engine.service import Engine
from kingbird.notifications import notifier
from kingbird.rpc import server, transport, version_cap
from kingbird.rpc.client import EngineClient

LOG = logging.getLogger(__name__)

#: Seconds that a stopping engine waits for the broker to let go of its queues.
RPC_STOP_TIMEOUT = 5.0
#: Seconds between two lines in the log about a broker that is away when the engine starts.
WARN_INTERVAL = 5.0


class EngineService(service.ServiceBase):
    """An engine and its RPC server."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._conf = conf
        self._engine: Engine | None = None
        self._server: Any = None
        self._notifications: notifier.JobNotifier | None = None
        self._rpc_started = threading.Event()
        self._ended = threading.Event()

    def start(self) -> None:
        """Start working on what is in the database, then on what messages tell of."""
        db.dispose()
        metrics.start(self._conf)
        self._notifications = notifier.start(self._conf)
        gmr.watch_trigger_file(self._conf)
        bus = transport.get_transport(self._conf)
        client = EngineClient(self._conf, bus)
        self._engine = Engine(
            self._conf, announce=client.tasks_ready, rpc_version=version_cap.VERSION
        )
        gmr.register_section("Engine", self._engine.describe)
        self._engine.start()
        self._server = server.create(self._conf, self._engine, bus)
        # Connecting to a broker that is away takes as long as that; the engine polls.
        threading.Thread(target=self._start_rpc, name="kingbird-rpc", daemon=True).start()
        threading.Thread(target=self._warn_until_connected, daemon=True).start()

    def _start_rpc(self) -> None:
        self._server.start()
        self._rpc_started.set()
        LOG.info("RPC server started")

    def _warn_until_connected(self) -> None:
        # oslo.messaging tells of a connection that failed, but not whose.
        while not self._rpc_started.wait(WARN_INTERVAL) and not self._ended.is_set():
            LOG.warning(
                "Message broker unreachable, polling the database for work until it is not"
            )

    def stop(self) -> None:
        """Stop hearing messages, then stop the engine, both within its grace time."""
        begin = time.monotonic()
        if self._rpc_started.is_set():
            # It waits for a broker that has gone away meanwhile, which the engine does not.
            stopping = threading.Thread(target=self._server.stop, daemon=True)
            stopping.start()
            # Not the other way round: a token that came to a stopping engine would be lost.
            stopping.join(min(RPC_STOP_TIMEOUT, self._conf.engine.graceful_shutdown_timeout))
        if self._engine is not None:
            self._engine.stop(elapsed=time.monotonic() - begin)
        if self._notifications is not None:
            # The engine may have ended jobs until now.
            left = self._conf.engine.graceful_shutdown_timeout - (time.monotonic() - begin)
            self._notifications.stop(max(min(left, notifier.DRAIN), 0))
        self._ended.set()

    def wait(self) -> None:
        """Wait until :meth:`stop` is done."""
        self._ended.wait()

    def reset(self) -> None:
        """SIGHUP: the launcher has read again what may change; it is looked up where needed."""
