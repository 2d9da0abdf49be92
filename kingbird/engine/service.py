"""Build, start and stop an engine."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from kingbird import events, exception, version
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.db import api as db
from kingbird.engine import memory_tuning
from kingbird.engine.cancellations import Cancellations
from kingbird.engine.circuit_breaker import CircuitBreakers
from kingbird.engine.credentials import JobCredentials, UserToken
from kingbird.engine.dispatcher import Dispatcher
from kingbird.engine.importer import DataImporter
from kingbird.engine.keystone_gate import KeystoneGate
from kingbird.engine.leases import CALL_FRACTION, RENEW_FRACTION, LeaseKeeper
from kingbird.engine.planner import JobPlanner
from kingbird.engine.pools import RegionPools
from kingbird.engine.reaper import Reaper
from kingbird.engine.region_limits import RegionLimits
from kingbird.engine.rules import RulesLoop
from kingbird.engine.worker import TaskWorker
from kingbird.sync.retry import Retry

LOG = logging.getLogger(__name__)

#: Seconds that a stopping engine has at least to deregister.
DEREGISTER_TIMEOUT = 1.0


class Engine:
    """Plan jobs, work on tasks, renew leases and clean up.

    The RPC server calls :meth:`wake`, :meth:`cancel`, :meth:`look_at_rules` and
    :meth:`accept_token_job`.

    :param rpc_version: the newest version of messages that its RPC server understands.
    :param announce: tells other engines that a job was planned.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        *,
        rpc_version: str,
        keystone: Keystone | None = None,
        regions: ImageClientFactory | None = None,
        announce: Callable[[str], None] = lambda job_id: None,
    ) -> None:
        self._conf = conf
        self._host = socket.gethostname()
        self._rpc_version = rpc_version
        self.id = f"{self._host[:20]}:{os.getpid()}:{uuid.uuid4()}"[:64]
        self._stopping = threading.Event()
        lease = conf.engine.lease
        # A call must end before the lease under which it began expires.
        keystone = keystone or Keystone(conf, timeout=lease * CALL_FRACTION)
        regions = regions or ImageClientFactory(conf, timeout=lease * CALL_FRACTION)
        self._access = JobCredentials(keystone, regions, lambda: conf.rules.run_as_service)
        self._notify_peers = announce
        self._leases = LeaseKeeper(lease)
        self._stopped = threading.Event()
        self._cancellations = Cancellations()
        self._breakers = CircuitBreakers(
            lambda: conf.sync.breaker_threshold, lambda: conf.sync.breaker_reset_timeout
        )
        #: The engines that are alive, as far as this one knows.
        self._number_of_engines = 1
        self._limits = RegionLimits(self._calls_at_a_time)
        self._pools = RegionPools(conf.sync.region_concurrency, self._breakers, self._limits)
        retry = Retry(
            lambda: conf.sync.retry_timeout,
            self._stopping,
            lambda error: events.emit(events.RegionCallRetried(error.region or "unknown")),
            is_single=self._breakers.is_trial,
        )
        common = (conf, self._access, self._pools, self._cancellations, retry)
        self._dispatcher = Dispatcher(
            conf,
            self.id,
            self._leases,
            self._access,
            JobPlanner(*common, self._announce, self._stopping),
            TaskWorker(*common, self._stopping),
            DataImporter(conf, self._access, self._pools, self._cancellations),
            KeystoneGate(keystone, lambda: conf.engine.poll_interval),
            self._stopping,
        )
        self._rules = RulesLoop(self._dispatcher.wake, self._stopping)
        self._reaper = Reaper(conf, self.id, keystone, self._access)
        self._threads: list[threading.Thread] = []

    def _calls_at_a_time(self) -> int:
        """Return the calls that this engine may make to one region at a time."""
        options = self._conf.sync
        most: int = options.region_concurrency
        if options.region_concurrency_total:
            most = min(most, options.region_concurrency_total // self._number_of_engines)
        return max(1, most)

    def _announce(self, job_id: str) -> None:
        self._dispatcher.wake()
        self._notify_peers(job_id)

    def wake(self) -> None:
        """Look for work without waiting for the next poll."""
        self._dispatcher.wake()

    def look_at_rules(self) -> None:
        """Begin runs of rules without waiting for the next round."""
        self._rules.wake()

    def accept_token_job(
        self,
        job_id: str,
        token: str,
        endpoints: dict[str, str],
        request_id: str | None = None,
    ) -> None:
        """Take a job that runs with its user's token.

        :param endpoints: the image endpoints of the user's catalog, by region.
        :param request_id: the request that brought the token.
        """
        self._access.add_token(job_id, UserToken(token, endpoints, request_id))
        try:
            db.leases.adopt(self.id, {job_id: request_id})
        except exception.Unavailable:
            LOG.warning("Unable to adopt job %s yet: database unavailable", job_id)
        self._dispatcher.wake()

    def cancel(self, job_id: str) -> None:
        """Check without delay whether a job is to be cancelled."""
        self._cancellations.mark_stale(job_id)
        self._dispatcher.wake()

    def start(self) -> None:
        """Start the engine's threads."""
        LOG.info("Starting engine %s", self.id)
        memory_tuning.tune()
        events.subscribe(self._limits.note)
        options = self._conf.engine
        self._begin("dispatch", self._dispatcher.run)
        # Leases are renewed until the last work has ended or was released.
        self._repeat("leases", self._renew, lambda: options.lease * RENEW_FRACTION, self._stopped)
        self._begin("rules", self._rules.run)
        self._repeat("settler", self._settle, lambda: options.poll_interval)
        self._repeat("memory", memory_tuning.trim, lambda: memory_tuning.TRIM_INTERVAL, delay=True)
        self._repeat("reaper", self._reap, lambda: options.reaper_interval, delay=True)

    def describe(self) -> dict[str, Any]:
        """Return the state of the engine, without waiting for a lock."""
        return {
            "id": self.id,
            "stopping": self._stopping.is_set(),
            "works on": self._leases.describe(),
            "regions left alone": self._breakers.open_regions(),
        }

    def _settle(self) -> None:
        db.settling.settle_all(db.settling.unsettled(), self._stopping.is_set)

    def _reap(self) -> None:
        self._cancellations.prune()
        self._reaper.run()

    def _renew(self) -> None:
        try:
            # The sign of life is never behind work.
            with self._leases.watch_database():
                db.engines.heartbeat(
                    self.id,
                    host=self._host,
                    pid=os.getpid(),
                    version=version.version_string(),
                    rpc_version=self._rpc_version,
                    regions=self._breakers.describe(),
                )
                if self._conf.sync.region_concurrency_total:
                    timeout = db.engines.heartbeat_timeout(self._conf)
                    self._number_of_engines = max(1, db.engines.count_alive(timeout))
        finally:
            self._leases.renew()

    def _begin(self, name: str, function: Callable[[], None]) -> None:
        """Run ``function`` in a thread of its own."""
        thread = threading.Thread(target=function, name=f"kingbird-{name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _repeat(
        self,
        name: str,
        function: Callable[[], None],
        interval: Callable[[], float],
        end: threading.Event | None = None,
        *,
        delay: bool = False,
    ) -> None:
        """Call ``function`` every ``interval`` seconds until the engine stops, in a thread.

        SIGHUP may change the interval.

        :param end: is set when the calls are to end, if that is later.
        """
        over = end or self._stopping

        def run() -> None:
            if delay:
                over.wait(interval())
            while not over.is_set():
                try:
                    function()
                except exception.Unavailable as error:
                    LOG.warning("Periodic task %s failed: %s", name, error.message)
                except Exception:
                    LOG.exception("Periodic task %s failed", name)
                over.wait(interval())

        self._begin(name, run)

    def stop(self, *, elapsed: float = 0) -> None:
        """Stop claiming work, release what is running, and end within the graceful timeout.

        :param elapsed: seconds of the timeout that have passed already.
        """
        if self._stopping.is_set():
            return
        LOG.info("Stopping engine %s", self.id)
        self._stopping.set()
        self._rules.wake()
        grace = max(self._conf.engine.graceful_shutdown_timeout - elapsed, 0)
        end = time.monotonic() + grace
        self._dispatcher.stop(grace)
        self._stopped.set()
        events.unsubscribe(self._limits.note)
        self._pools.shutdown()
        for thread in self._threads:
            thread.join(timeout=1)
        # The database may not answer, and the engine does not wait for long.
        deregistering = threading.Thread(
            target=self._deregister, name="kingbird-deregister", daemon=True
        )
        deregistering.start()
        deregistering.join(max(end - time.monotonic(), DEREGISTER_TIMEOUT))
        if deregistering.is_alive():
            LOG.warning("Unable to deregister engine: database timed out")

    def _deregister(self) -> None:
        try:
            db.engines.deregister(self.id)
        except exception.Unavailable:
            LOG.warning("Unable to deregister engine: database unavailable")
        except Exception:
            LOG.exception("Unable to deregister engine")
