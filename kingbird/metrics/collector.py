"""Metrics from the database.

The API and the engine both serve them, so they stay known while one of the two is down.  Use the
maximum of both.
"""

import logging
from collections.abc import Iterator, Mapping

from oslo_config import cfg
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kingbird import exception, version
from kingbird.cached_check import CachedCheck
from kingbird.db import api as db

LOG = logging.getLogger(__name__)


def _gauge(name: str, text: str, *labels: str, value: float | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"kingbird_{name}", text, labels=labels or None, value=value)


def _collect_imports(imports: Mapping[tuple[str, str], db.stats.Backlog]) -> Iterator[Metric]:
    """Yield the metrics of data that are to arrive."""
    number = _gauge("imports", "Images whose data are to arrive", "region", "state")
    oldest = _gauge(
        "imports_oldest_seconds",
        "Seconds for which the data of the first of them have been in their state",
        "region",
        "state",
    )
    for key, found in imports.items():
        number.add_metric(key, found.size)
        oldest.add_metric(key, found.oldest)
    yield number
    yield oldest


class DatabaseCollector(Collector):
    """A collector with a cached query of the database.  Never raises."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._stats = CachedCheck(
            "kingbird-metrics-look",
            self._collect_stats,
            timeout=lambda: conf.metrics.database_timeout,
            ttl=lambda: conf.metrics.cache_time,
        )

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        info = _gauge("build_info", "1, by release", "version")
        info.add_metric([version.version_string()], 1)
        yield info
        stats = self._stats.get()
        yield _gauge(
            "database_up", "1 if the database answered, else 0", value=float(stats is not None)
        )
        if stats is None:
            return
        yield _gauge("engines_alive", "Engines with a recent heartbeat", value=stats.engines)
        yield _gauge("jobs_in_progress", "Jobs that have not ended", value=stats.open_jobs)
        size = _gauge("queue_size", "Jobs and tasks that no engine works on", "kind")
        oldest = _gauge(
            "queue_oldest_seconds", "Seconds for which the oldest of them has been there", "kind"
        )
        for kind, queue in (("job", stats.jobs), ("task", stats.tasks)):
            size.add_metric([kind], queue.size)
            oldest.add_metric([kind], queue.oldest)
        yield size
        yield oldest
        yield from _collect_imports(stats.imports)
        yield _gauge("marks_waiting", "Images that rules have to look at", value=stats.marks.size)
        yield _gauge(
            "marks_oldest_seconds",
            "Seconds since the oldest of them was heard of",
            value=stats.marks.oldest,
        )
        rules = _gauge("rules", "Rules by state", "state")
        for state, number in stats.rules.items():
            rules.add_metric([state], number)
        yield rules
        yield from _collect_states(stats.regions)

    def _collect_stats(self) -> db.stats.Stats | None:
        try:
            return db.stats.collect(db.engines.heartbeat_timeout(self._conf))
        except exception.Unavailable as error:
            LOG.debug("Unable to read metrics from the database: %s", error.message)
        except Exception:
            LOG.exception("Unable to read metrics from the database")
        return None


def _collect_states(regions: Mapping[str, db.stats.RegionStats]) -> Iterator[Metric]:
    """Yield the metrics of the images that are not in order."""
    images = _gauge("images", "Images that are not in order", "region", "state")
    oldest = _gauge(
        "images_oldest_seconds",
        "Seconds for which the oldest of them has been so",
        "region",
        "state",
    )
    compared = _gauge(
        "region_compared_seconds", "Seconds since the last complete comparison", "region"
    )
    away = _gauge(
        "region_away_seconds",
        "Seconds for which comparisons have not been able to read the region",
        "region",
    )
    for region, one in regions.items():
        for state, number in one.states.items():
            images.add_metric([region, state], number)
            oldest.add_metric([region, state], one.oldest[state])
        away.add_metric([region], one.away)
        if one.compared is not None:
            compared.add_metric([region], one.compared)
    yield from (images, oldest, compared, away)
