"""What is read from the database when Prometheus asks.

The API and the engine both answer it, so that it is known while either of them is away; take the
maximum of what they say.
"""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, TimeoutError

from oslo_config import cfg
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kingbird import exception, version
from kingbird.db import api as db
from kingbird.rpc.levels import SILENT_LEASES

LOG = logging.getLogger(__name__)


class DatabaseCollector(Collector):
    """Looks into the database, now and then, however often it is asked.  Never raises.

    A look that has no answer can't be ended, so it runs in a thread of its own; as long as it
    runs no second one begins.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._lock = threading.Lock()
        self._running: Future[db.insight.Insight | None] | None = None
        self._known: db.insight.Insight | None = None
        self._until = 0.0

    def collect(self) -> Iterator[Metric]:
        """Yield what the database tells."""
        info = GaugeMetricFamily("kingbird_build_info", "1, by release", labels=["version"])
        info.add_metric([version.version_string()], 1)
        yield info
        known = self._get()
        yield GaugeMetricFamily(
            "kingbird_database_up",
            "Whether the database answered",
            value=float(known is not None),
        )
        if known is None:
            return
        yield GaugeMetricFamily(
            "kingbird_engines_alive",
            "Engines that gave a sign of life lately",
            value=known.engines,
        )
        yield GaugeMetricFamily(
            "kingbird_jobs_in_progress", "Jobs that have not ended", value=known.open_jobs
        )
        size = GaugeMetricFamily(
            "kingbird_queue_size", "Jobs and tasks that no engine works on", labels=["kind"]
        )
        oldest = GaugeMetricFamily(
            "kingbird_queue_oldest_seconds",
            "Seconds for which the oldest of them has been there",
            labels=["kind"],
        )
        for kind, queue in (("job", known.jobs), ("task", known.tasks)):
            size.add_metric([kind], queue.size)
            oldest.add_metric([kind], queue.oldest)
        yield size
        yield oldest

    def _get(self) -> db.insight.Insight | None:
        # Who comes while a look is made waits for what it finds.
        with self._lock:
            if time.monotonic() >= self._until:
                self._known = self._look()
                self._until = time.monotonic() + self._conf.metrics.cache_time
            return self._known

    def _look(self) -> db.insight.Insight | None:
        if self._running is not None and not self._running.done():
            return None
        running: Future[db.insight.Insight | None] = Future()
        self._running = running
        threading.Thread(
            target=self._run, args=(running,), name="kingbird-metrics-look", daemon=True
        ).start()
        try:
            return running.result(self._conf.metrics.database_timeout)
        except TimeoutError:
            return None

    def _run(self, running: "Future[db.insight.Insight | None]") -> None:
        found = None
        try:
            found = db.insight.look(SILENT_LEASES * self._conf.engine.lease)
        except exception.Unavailable as error:
            LOG.debug("Metrics go without the database: %s", error.message)
        except Exception:
            LOG.exception("Metrics go without the database")
        finally:
            running.set_result(found)
