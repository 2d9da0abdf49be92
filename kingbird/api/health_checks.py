"""What ``/healthcheck`` looks at: the database, the message broker and the engines.

Nobody waits for a check longer than ``[healthcheck] timeout``.
"""

import abc
import logging
from typing import Any

from oslo_config import cfg
from oslo_middleware.healthcheck import pluginbase

from kingbird import exception
from kingbird.db import api as db
from kingbird.looking import Looking
from kingbird.rpc.probe import Probe

LOG = logging.getLogger(__name__)

Result = pluginbase.HealthcheckResult


class _Check(pluginbase.HealthcheckBaseExtension):
    """Looks at one thing, now and then, however often it is asked.  Safe for threads."""

    #: What is looked at, as it is named in the answer.
    name: str

    def __init__(self, oslo_conf: cfg.ConfigOpts, conf: dict[str, Any]) -> None:
        """Take the configuration as oslo.middleware hands it over; nothing is connected to."""
        super().__init__(oslo_conf, conf)
        self._looking = Looking(
            f"kingbird-health-{self.name}",
            self._look,
            patience=lambda: self.oslo_conf.healthcheck.timeout,
            fresh=lambda: self.oslo_conf.healthcheck.cache_time,
        )

    @abc.abstractmethod
    def look(self) -> str | None:
        """Look at the thing.

        :returns: what is wrong in a few words that anybody may read, or ``None``.  An exception
            is told as that it can't be reached, and logged.
        """

    def healthcheck(self, server_port: int) -> Result:
        """Return what was found a moment ago, or is found now."""
        found = self._looking.get()
        return self._result("does not answer") if found is None else found

    def _look(self) -> Result:
        try:
            return self._result(self.look())
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

    def look(self) -> str | None:
        """Make the least query that there is."""
        db.ping()
        return None


class Broker(_Check):
    """Whether the broker takes a message; within one process there is none that could fail."""

    name = "broker"

    def __init__(self, oslo_conf: cfg.ConfigOpts, conf: dict[str, Any]) -> None:
        super().__init__(oslo_conf, conf)
        self._probe = Probe(oslo_conf)

    def look(self) -> str | None:
        """Send it a message that nobody gets."""
        self._probe.send()
        return None


class Engine(_Check):
    """Whether an engine has given a sign of life, by the database's clock."""

    name = "engine"

    def look(self) -> str | None:
        """Read the signs of life."""
        silence = db.engines.silence(self.oslo_conf)
        try:
            alive = any(alive for _, alive in db.engines.list_all(silence))
        except exception.Unavailable:
            return "not known, as the database can't be reached"
        return None if alive else "none is alive"
