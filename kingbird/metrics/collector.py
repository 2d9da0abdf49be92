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


def _collect_imports(imports: Mapping[tuple[str, str], db.stats.Backlog]) -> Iterator[Metric]:
    """Yield the metrics of data that are to arrive."""
    number = GaugeMetricFamily(
        "kingbird_imports", "Images whose data are to arrive", labels=["region", "state"]
    )
    oldest = GaugeMetricFamily(
        "kingbird_imports_oldest_seconds",
        "Seconds for which the data of the first of them have been in their state",
        labels=["region", "state"],
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
        info = GaugeMetricFamily("kingbird_build_info", "1, by release", labels=["version"])
        info.add_metric([version.version_string()], 1)
        yield info
        stats = self._stats.get()
        yield GaugeMetricFamily(
            "kingbird_database_up",
            "1 if the database answered, else 0",
            value=float(stats is not None),
        )
        if stats is None:
            return
        yield GaugeMetricFamily(
            "kingbird_engines_alive",
            "Engines with a recent heartbeat",
            value=stats.engines,
        )
        yield GaugeMetricFamily(
            "kingbird_jobs_in_progress", "Jobs that have not ended", value=stats.open_jobs
        )
        size = GaugeMetricFamily(
            "kingbird_queue_size", "Jobs and tasks that no engine works on", labels=["kind"]
        )
        oldest = GaugeMetricFamily(
            "kingbird_queue_oldest_seconds",
            "Seconds for which the oldest of them has been there",
            labels=["kind"],
        )
        for kind, queue in (("job", stats.jobs), ("task", stats.tasks)):
            size.add_metric([kind], queue.size)
            oldest.add_metric([kind], queue.oldest)
        yield size
        yield oldest
        yield from _collect_imports(stats.imports)
        yield GaugeMetricFamily(
            "kingbird_marks_waiting", "Images that rules have to look at", value=stats.marks.size
        )
        yield GaugeMetricFamily(
            "kingbird_marks_oldest_seconds",
            "Seconds since the oldest of them was heard of",
            value=stats.marks.oldest,
        )
        rules = GaugeMetricFamily("kingbird_rules", "Rules by state", labels=["state"])
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
    images = GaugeMetricFamily(
        "kingbird_images", "Images that are not in order", labels=["region", "state"]
    )
    oldest = GaugeMetricFamily(
        "kingbird_images_oldest_seconds",
        "Seconds for which the oldest of them has been so",
        labels=["region", "state"],
    )
    compared = GaugeMetricFamily(
        "kingbird_region_compared_seconds",
        "Seconds since the last complete comparison",
        labels=["region"],
    )
    away = GaugeMetricFamily(
        "kingbird_region_away_seconds",
        "Seconds for which comparisons have not been able to read the region",
        labels=["region"],
    )
    for region, one in regions.items():
        for state, number in one.states.items():
            images.add_metric([region, state], number)
            oldest.add_metric([region, state], one.oldest[state])
        away.add_metric([region], one.away)
        if one.compared is not None:
            compared.add_metric([region], one.compared)
    yield from (images, oldest, compared, away)
