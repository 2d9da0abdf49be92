"""The API as a service for the launcher; see :mod:`kingbird.cmd.process`."""

import logging
import threading

from cheroot import wsgi as cheroot_wsgi
from oslo_config import cfg

from kingbird.api import app
from kingbird.cmd import request_timeout
from kingbird.cmd.process import ProcessService

LOG = logging.getLogger(__name__)


class ApiService(ProcessService):
    """The API on cheroot, for development and the embedded default."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        self._server: cheroot_wsgi.Server | None = None

    def start(self) -> None:
        """Start to listen, with threads of its own."""
        super().start()
        address = (self._conf.api.host, self._conf.api.port)
        self._server = cheroot_wsgi.Server(
            address,
            app.create(self._conf),
            numthreads=self._conf.api.threads,
            # Without a timeout, a client that sends half a request would hold a thread.
            timeout=self._conf.api.client_timeout,
        )
        self._server.ConnectionClass = request_timeout.connection_class(
            self._conf.api.arrival_timeout
        )
        self._server.prepare()
        LOG.info("API listening on %s:%s", *address)
        threading.Thread(target=self._server.serve, name="kingbird-api", daemon=True).start()

    def stop(self) -> None:
        """Stop to listen, and finish requests in progress."""
        if self._server is not None:
            self._server.stop()
        super().stop()
