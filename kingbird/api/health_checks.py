"""What ``/healthcheck`` looks at: the database, the message broker and the engines.

A check that waits for something which does not answer can't be ended, so it runs in a thread of
its own, and nobody waits for it longer than ``[healthcheck] timeout``.  As long as it runs no
second one begins.
"""

import abc
import logging
import threading
import time
from concurrent.futures import Future, TimeoutError
from typing import Any

from oslo_config import cfg
from oslo_middleware.healthcheck import pluginbase

from kingbird import exception
from kingbird.api.controllers.v1.engines import SILENT_LEASES
from kingbird.db import api as db
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
        self._lock = threading.Lock()
        self._running: Future[str | None] | None = None
        self._known: Result | None = None
        self._until = 0.0

    @abc.abstractmethod
    def look(self) -> str | None:
        """Look at the thing.

        :returns: what is wrong in a few words that anybody may read, or ``None``.  An exception
            is told as that it can't be reached, and logged.
        """

    def healthcheck(self, server_port: int) -> Result:
        """Return what was found a moment ago, or is found now."""
        # Who comes while a check is made waits for what it finds.
        with self._lock:
            if self._known is None or time.monotonic() >= self._until:
                self._known = self._found()
                self._until = time.monotonic() + self.oslo_conf.healthcheck.cache_time
            return self._known

    def _found(self) -> Result:
        earlier = self._running
        if earlier is not None and not earlier.done():
            # It has been waited for already.
            return self._result("does not answer")
        running: Future[str | None] = Future()
        self._running = running
        threading.Thread(
            target=self._run, args=(running,), name=f"kingbird-health-{self.name}", daemon=True
        ).start()
        try:
            return self._result(running.result(self.oslo_conf.healthcheck.timeout))
        except TimeoutError:
            return self._result("does not answer")

    def _run(self, running: "Future[str | None]") -> None:
        try:
            problem = self.look()
        except Exception as error:
            # Its words may hold addresses, and more.
            LOG.warning("The %s can't be reached: %s", self.name, type(error).__name__)
            problem = "can't be reached"
        running.set_result(problem)

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
        silence = SILENT_LEASES * self.oslo_conf.engine.lease
        try:
            alive = any(alive for _, alive in db.engines.list_all(silence))
        except exception.Unavailable:
            return "not known, as the database can't be reached"
        return None if alive else "none is alive"
