"""The engine as a service that a program launches.

All is built in ``start()``, as the launcher forks before it; it starts it again for ever when
it raises, and calls ``stop()`` even when it never ran.
"""

import logging
import threading
from typing import Any

from oslo_config import cfg
from oslo_service import service

from kingbird.db import api as db
from kingbird.engine.service import Engine
from kingbird.rpc import messaging, server
from kingbird.rpc.client import EngineClient

LOG = logging.getLogger(__name__)


class EngineService(service.ServiceBase):
    """An engine and its RPC server."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._conf = conf
        self._engine: Engine | None = None
        self._server: Any = None
        self._ended = threading.Event()

    def start(self) -> None:
        """Start working on what is in the database, then on what messages tell of."""
        db.dispose()
        transport = messaging.transport(self._conf)
        client = EngineClient(self._conf, transport)
        self._engine = Engine(self._conf, announce=client.tasks_ready)
        self._engine.start()
        self._server = server.create(self._conf, self._engine, transport)
        # Connecting to a broker that is away takes as long as that; the engine polls.
        threading.Thread(target=self._serve, name="kingbird-rpc", daemon=True).start()

    def _serve(self) -> None:
        self._server.start()
        LOG.info("The engine hears messages")

    def stop(self) -> None:
        """Stop hearing messages, then stop the engine."""
        if self._server is not None:
            self._server.stop()
        if self._engine is not None:
            self._engine.stop()
        self._ended.set()

    def wait(self) -> None:
        """Wait until :meth:`stop` is done."""
        self._ended.wait()

    def reset(self) -> None:
        """SIGHUP: options are read where they are used, so there is nothing to do."""
