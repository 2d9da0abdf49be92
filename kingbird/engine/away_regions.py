"""Regions that are away: whether they are, and how long a job waits for them."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping

from oslo_config import cfg

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.db import api as db
from kingbird.engine.cancellations import Cancellations
from kingbird.engine.leases import HeldLease
from kingbird.engine.pools import RegionPools
from kingbird.states import ALL, Trigger

LOG = logging.getLogger(__name__)

#: Seconds for which work pauses at least.
SHORTEST_PAUSE = 1.0
#: An image that no region has, to be asked for when a region may be away.
NOBODY = "00000000-0000-0000-0000-000000000000"


def patience_of(conf: cfg.ConfigOpts, job: db.Job) -> float:
    """Return the seconds for which the share of a job in a region waits for the region.

    An event run of a rule waits for none: at most a few are open, so that others would have to
    wait, and its images come back in a later run.  A full run waits until the next one is due,
    which asks all regions anew.
    """
    patience = float(conf.sync.region_patience)
    if patience <= 0 or job.rule_id is None:
        return patience
    if job.trigger == Trigger.EVENT or db.rule_runs.is_due_again(job):
        return 0.0
    return patience


def pause_between_looks(conf: cfg.ConfigOpts) -> float:
    """Return the seconds after which somebody looks at a region again."""
    return max(conf.sync.breaker_reset_timeout, SHORTEST_PAUSE)


def which_are_away(
    pools: RegionPools, job: db.Job, regions: Iterable[ImageClient]
) -> frozenset[str]:
    """Return those of some regions that do not answer one call without retries.

    All are asked at the same time.

    :raises kingbird.exception.CredentialsLost: Keystone gives no token for the job.
    :raises kingbird.exception.KeystoneUnavailable: a token could not be renewed.
    """
    submit = pools.submit_for(job)
    calls = {one.region: submit(one.region, one.get, NOBODY) for one in regions}
    away = set()
    for region, call in calls.items():
        try:
            call.result()
        except exception.RegionUnavailable as error:
            LOG.info("Region %s is away: %s", region, error.message)
            away.add(region)
        except exception.ImageRequestRejected:
            pass
    return frozenset(away)


class AwayRegions:
    """The regions that are away while a job is planned, and whose shares of the job wait.

    :param is_patient: whether the job waits for regions at all.
    :ivar patience: seconds for which a share waits in all.
    :ivar waiting: the regions that it has waited for until now.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        pools: RegionPools,
        cancellations: Cancellations,
        job: db.Job,
        *,
        is_patient: bool,
    ) -> None:
        self.patience = patience_of(conf, job) if is_patient else 0.0
        self._conf = conf
        self._pools = pools
        self._job = job
        seconds = db.pauses.seconds_away(job)
        #: Regions that it waits for no longer.
        self._given_up = {
            region
            for region, away in seconds.items()
            if away >= self.patience or cancellations.leaves_out(job, region, ALL)
        }
        self.waiting = frozenset(seconds.keys() - self._given_up)

    def still_away(self, clients: Callable[[], Mapping[str, ImageClient]]) -> frozenset[str]:
        """Return those of :attr:`waiting` that are away still.

        :param clients: returns the images of each region.
        """
        if self.waiting.issubset(self._pools.resting_regions()):
            # Nobody is to look at them now.
            return self.waiting
        return self.look(clients(), self.waiting)

    def look(self, clients: Mapping[str, ImageClient], regions: Iterable[str]) -> frozenset[str]:
        """Return those of some regions that are away, and that the job waits for."""
        if self.patience <= 0:
            return frozenset()
        # A region that has left the catalog is not waited for.
        known = [
            clients[one] for one in sorted(regions) if one in clients and one not in self._given_up
        ]
        return which_are_away(self._pools, self._job, known)

    def away_of(
        self, targets: Collection[str], clients: Callable[[], Mapping[str, ImageClient]]
    ) -> tuple[frozenset[str], bool]:
        """Return the regions that are away as a retry is planned, and whether they are all.

        :param targets: the regions that it waits for if it has not waited before.
        :param clients: returns the images of each region.
        """
        awaited = self._job.away or targets
        away = self.still_away(clients) if self._job.away else self.look(clients(), targets)
        return away, bool(away) and away.issuperset(awaited)

    def pause(self, held: HeldLease, regions: Collection[str]) -> float:
        """Release a job of whose plan all that is left waits for some regions.

        :returns: the seconds until an engine looks at them again.
        """
        held.stop_renewing()
        delay = pause_between_looks(self._conf)
        pause = db.pauses.pause_plan(held.claim, regions, delay, self.patience)
        LOG.info("The plan of job %s waits for %s", self._job.id, ", ".join(sorted(regions)))
        return pause
