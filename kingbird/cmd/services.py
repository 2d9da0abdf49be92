"""The services that programs launch, each built in ``start()``: after any fork.

The launcher starts ``start()`` again for ever when it raises, and calls ``stop()`` even when
it never ran.
"""

import logging
import threading
from typing import Any

from cheroot import wsgi as cheroot_wsgi
from oslo_config import cfg
from oslo_service import service

from kingbird.api import app
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


class ApiService(service.ServiceBase):
    """The API on cheroot: for development, and for the embedded default."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._conf = conf
        self._server: cheroot_wsgi.Server | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        """Listen and answer, in threads of its own."""
        db.dispose()
        address = (self._conf.api.host, self._conf.api.port)
        self._server = cheroot_wsgi.Server(
            address, app.create(self._conf), numthreads=self._conf.api.threads
        )
        self._server.prepare()
        LOG.info("The API listens on %s:%s", *address)
        threading.Thread(target=self._server.serve, name="kingbird-api", daemon=True).start()

    def stop(self) -> None:
        """Stop listening; requests under way are answered."""
        if self._server is not None:
            self._server.stop()
        self._ended.set()

    def wait(self) -> None:
        """Wait until :meth:`stop` is done."""
        self._ended.wait()

    def reset(self) -> None:
        """SIGHUP: options are read where they are used, so there is nothing to do."""


class StandaloneService(service.ServiceBase):
    """API and engine in one process, which messages need not leave."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._parts: list[service.ServiceBase] = [EngineService(conf), ApiService(conf)]

    def start(self) -> None:
        """Start the engine, then the API."""
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        """Stop the API, then the engine."""
        for part in reversed(self._parts):
            part.stop()

    def wait(self) -> None:
        """Wait until both have stopped."""
        for part in self._parts:
            part.wait()

    def reset(self) -> None:
        """SIGHUP, for both."""
        for part in self._parts:
            part.reset()
