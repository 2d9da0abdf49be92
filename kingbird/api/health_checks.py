"""What ``/healthcheck`` looks at: the database, the message broker and the engines.

Nobody waits for a check longer than ``[healthcheck] timeout``.
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

#: No queue is bound to it.
PROBE_TOPIC = "kingbird-probe"

Result = pluginbase.HealthcheckResult


class _Check(pluginbase.HealthcheckBaseExtension):
    """Looks at one thing, now and then, however often it is asked.  Safe for threads."""

    #: What is looked at, as it is named in the answer.
    name: str

    def __init__(self, oslo_conf: cfg.ConfigOpts, conf: dict[str, Any]) -> None:
        """Take the configuration as oslo.middleware hands it over; nothing is connected to."""
        super().__init__(oslo_conf, conf)
        self._checking = CachedCheck(
            f"kingbird-health-{self.name}",
            self._check,
            timeout=lambda: self.oslo_conf.healthcheck.timeout,
            ttl=lambda: self.oslo_conf.healthcheck.cache_time,
        )

    @abc.abstractmethod
    def check(self) -> str | None:
        """Look at the thing.

        :returns: what is wrong in a few words that anybody may read, or ``None``.  An exception
            is told as that it can't be reached, and logged.
        """

    def healthcheck(self, server_port: int) -> Result:
        """Return what was found a moment ago, or is found now."""
        found = self._checking.get()
        return self._result("does not answer") if found is None else found

    def _check(self) -> Result:
        try:
            return self._result(self.check())
        except Exception as error:
            # Its words may hold addresses, and more.
            LOG.warning("Health check of the %s failed: %s", self.name, type(error).__name__)
            return self._result("can't be reached")

    def _result(self, problem: str | None) -> Result:
        if problem is None:
            return Result(True, f"{self.name}: OK")
        return Result(False, f"{self.name}: {problem}")


class Database(_Check):
    """Whether the database answers a query."""

    name = "database"

    def check(self) -> str | None:
        """Make the least query that there is."""
        db.ping()
        return None


class Broker(_Check):
    """Whether the broker takes a message; within one process there is none that could fail."""

    name = "broker"
    #: Made with the first check, so that a server may fork before.
    _client: RPCClient | None = None

    def check(self) -> str | None:
        """Send a message to a topic without a queue; the broker confirms it and drops it.

        It goes the way of all others, with the configuration's TLS and credentials.
        """
        if not transport.has_broker(self.oslo_conf):
            return None
        if self._client is not None:
            # A connection that was lost since the last check says nothing of the broker, so a
            # transport that fails is replaced.
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
    """Whether an engine has given a sign of life, by the database's clock."""

    name = "engine"

    def check(self) -> str | None:
        """Read the signs of life."""
        silence = db.engines.heartbeat_timeout(self.oslo_conf)
        try:
            alive = any(alive for _, alive in db.engines.list_all(silence))
        except exception.Unavailable:
            return "not known, as the database can't be reached"
        return None if alive else "none is alive"
