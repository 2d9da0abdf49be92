"""The checks behind ``/healthcheck``: database, message broker and engines.

A caller waits for each check at most ``[healthcheck] timeout`` seconds.
"""

import abc
import contextlib
import logging
from typing import Any

import oslo_messaging
from oslo_config import cfg
from oslo_messaging.rpc.client import RPCClient
from oslo_middleware.healthcheck import pluginbase

from kingbird import exception
from kingbird.cached_check import CachedCheck
from kingbird.db import api as db
from kingbird.rpc import transport

LOG = logging.getLogger(__name__)

#: The topic of the broker's check.  No queue is bound to it.
PROBE_TOPIC = "kingbird-probe"

Result = pluginbase.HealthcheckResult


class _Check(pluginbase.HealthcheckBaseExtension):
    """Base of the checks, whose results are cached.  Safe for threads."""

    #: The name of the checked service in the response.
    name: str

    def __init__(self, oslo_conf: cfg.ConfigOpts, conf: dict[str, Any]) -> None:
        """Set the check up as oslo.middleware calls it.  Nothing is connected to."""
        super().__init__(oslo_conf, conf)
        self._checking = CachedCheck(
            f"kingbird-health-{self.name}",
            self._check,
            timeout=lambda: self.oslo_conf.healthcheck.timeout,
            ttl=lambda: self.oslo_conf.healthcheck.cache_time,
        )

    @abc.abstractmethod
    def check(self) -> str | None:
        """Check the service once.

        :returns: a public description of the problem, or ``None``.  An exception is logged and
            reported as "can't be reached".
        """

    def healthcheck(self, server_port: int) -> Result:
        """Return the cached result, or a new one."""
        result = self._checking.get()
        return self._result("does not answer") if result is None else result

    def _check(self) -> Result:
        try:
            return self._result(self.check())
        except Exception as error:
            # The error's text may hold addresses and passwords.
            LOG.warning("Health check of the %s failed: %s", self.name, type(error).__name__)
            return self._result("can't be reached")

    def _result(self, problem: str | None) -> Result:
        if problem is None:
            return Result(True, f"{self.name}: OK")
        return Result(False, f"{self.name}: {problem}")


class Database(_Check):
    """The check of the database."""

    name = "database"

    def check(self) -> str | None:
        """Run a minimal query."""
        db.ping()
        return None


class Broker(_Check):
    """The check of the message broker.  It succeeds where messages stay in the process."""

    name = "broker"
    #: Created by the first check, because a server may fork before.
    _client: RPCClient | None = None

    def check(self) -> str | None:
        """Send a message to a topic without a queue.  The broker confirms and drops it.

        The message takes the path of all others, with the configured TLS and credentials.
        """
        if not transport.has_broker(self.oslo_conf):
            return None
        if self._client is not None:
            # The connection may have been lost since the last check although the broker is well.
            # Replace a transport that fails.
            with contextlib.suppress(Exception):
                self._client.cast({}, "probe")
                return None
            with contextlib.suppress(Exception):
                self._client.transport.cleanup()
        self._client = oslo_messaging.get_rpc_client(
            transport.get_transport(self.oslo_conf),
            oslo_messaging.Target(topic=PROBE_TOPIC),
            # A retry of oslo.messaging's takes longer than [healthcheck] timeout.
            retry=0,
        )
        self._client.cast({}, "probe")
        return None


class Engine(_Check):
    """The check of the engines' heartbeats, by the database's clock."""

    name = "engine"

    def check(self) -> str | None:
        """Read the heartbeats."""
        timeout = db.engines.heartbeat_timeout(self.oslo_conf)
        try:
            alive = any(alive for _, alive in db.engines.list_all(timeout))
        except exception.Unavailable:
            return "not known, as the database can't be reached"
        return None if alive else "none is alive"
