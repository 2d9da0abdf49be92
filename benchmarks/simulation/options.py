"""The options and constants of Kingbird that a simulation follows."""

from dataclasses import dataclass
from typing import Any

from oslo_config import cfg

from kingbird import conf as kingbird_conf
from kingbird.clients.image_lists import IDS_PER_CALL
from kingbird.engine import cancellations, leases, planner, worker
from kingbird.sync.image import MAX_FORCED_IDS
from kingbird.sync.plan import by_id


@dataclass(frozen=True)
class Options:
    """The numbers by which engines share the work; by default those of Kingbird's options."""

    max_tasks: int
    lease: float
    poll_interval: float
    region_concurrency: int
    region_concurrency_total: int
    #: Constants.
    flush: int = worker.FLUSH
    flush_seconds: float = worker.FLUSH_SECONDS
    cancellation_interval: float = cancellations.POLL_INTERVAL
    renew_fraction: float = leases.RENEW_FRACTION
    small_job: int = planner.SMALL_JOB
    plan_batch: int = by_id.BATCH

    def calls_at_a_time(self, engines: int) -> int:
        """Return the calls that each of some engines may make to one region at a time."""
        most = self.region_concurrency
        if self.region_concurrency_total:
            most = min(most, self.region_concurrency_total // engines)
        return max(1, most)


def options(**changed: Any) -> Options:
    """Return the defaults of an installation, but for some options that are changed."""
    conf = cfg.ConfigOpts()
    kingbird_conf.register_opts(conf)
    conf([], project="kingbird", default_config_files=[], default_config_dirs=[])
    values = {
        "max_tasks": conf.engine.max_tasks,
        "lease": conf.engine.lease,
        "poll_interval": conf.engine.poll_interval,
        "region_concurrency": conf.sync.region_concurrency,
        "region_concurrency_total": conf.sync.region_concurrency_total,
    }
    return Options(**{**values, **changed})


def lists_of_target(images: int) -> tuple[int, int]:
    """Return the list calls that planning makes to a target region that has none of the images.

    :param images: the number of images that a request names, or 0 if it is about all.
    :returns: the calls, and how many of them follow each other.
    """
    calls = -(-images // IDS_PER_CALL)
    if images * (1 + MAX_FORCED_IDS) <= IDS_PER_CALL:
        # One call has room for the ids of forced copies.
        return 3 * calls, 3
    # Visible and hidden ones by id, both kinds of forced copies, and names.
    return 3 * calls + 2, 4


def lists_of_source(images: int) -> int:
    """Return the list calls that planning makes to the source of all images of a request."""
    return -(-images // IDS_PER_CALL)


def request(images: int, targets: int) -> list[dict[str, Any]]:
    """Return what a request tells about its cost (``kingbird.db.turns``)."""
    return [{"resources": range(images), "sources": range(1), "targets": range(targets)}]
