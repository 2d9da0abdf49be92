"""Plans one job: reads the regions, stores items and tasks."""

import dataclasses
import logging
import threading
from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine.access import Access
from kingbird.engine.claims import HeldLease
from kingbird.engine.closing import close_job
from kingbird.engine.pools import RegionPools
from kingbird.sync.cloud import Cloud
from kingbird.sync.image import Rules
from kingbird.sync.item import Item
from kingbird.sync.outcome import Outcome
from kingbird.sync.plan import Planner
from kingbird.sync.rest import Rest
from kingbird.sync.retries import Retry
from kingbird.sync.sets import SyncSet
from kingbird.sync.source import Caller

LOG = logging.getLogger(__name__)

#: Outcomes that might have been others, had there been more time.
TRANSIENT = frozenset({"region_unavailable"})


def rules_of(conf: cfg.ConfigOpts) -> Rules:
    """Read what the operator chose about records."""
    return Rules(
        dropped=frozenset(conf.sync.dropped_properties),
        property_quota=conf.sync.property_quota,
    )


def as_row(item: Item, resource_type: str = "image") -> dict[str, Any]:
    """Turn a planned item into columns."""
    row: dict[str, Any] = {
        "resource_type": resource_type,
        "resource": item.resource,
        "source_region": item.source_region,
        "target_region": item.target_region,
        "target_resource": item.target_resource,
        "action": item.action,
        "rank": item.rank,
        "status": db.jobs.IN_PROGRESS,
        "reason": None,
        "message": None,
        "work": dataclasses.asdict(item.work) if item.work else None,
    }
    if item.outcome:
        row.update(
            status=item.outcome.status, reason=item.outcome.reason, message=item.outcome.message
        )
    return row


def as_item(row: db.Item) -> Item:
    """Turn columns into what the planner knows of an item that it planned before."""
    ended = row.status != db.jobs.IN_PROGRESS and row.reason is not None
    return Item(
        row.resource,
        row.source_region,
        row.target_region,
        action=row.action,
        target_resource=row.target_resource,
        outcome=Outcome(row.reason or "", row.message) if ended else None,
        rank=row.rank,
    )


class JobPlanner:
    """Plans jobs that the engine has claimed.

    :param announce: tells other engines that there are tasks.
    :param stopping: set when the engine is to stop.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        access: Access,
        pools: RegionPools,
        retry: Retry,
        announce: Callable[[str], None],
        stopping: threading.Event,
    ) -> None:
        self._conf = conf
        self._access = access
        self._pools = pools
        self._retry = retry
        self._announce = announce
        self._stopping = stopping

    def run(self, held: HeldLease) -> None:
        """Plan a job; one that needs no writing is closed at once.

        :raises kingbird.exception.LeaseLost: another engine plans it by now.
        :raises kingbird.exception.CredentialsLost: Keystone gives no token for it.
        :raises kingbird.exception.Unavailable: Keystone or the database is away.
        """
        job = held.claim.job
        sets = [SyncSet.from_request(entry) for entry in job.request]
        part = job.plan_parts
        rest = Rest.from_json(job.plan_rest) if job.plan_rest else None
        while True:
            open_tasks, rest = self._plan_part(held, sets, part, rest)
            LOG.info(
                "Part %d of job %s is planned: %d regions to work on", part + 1, job.id, open_tasks
            )
            if open_tasks > 1 and job.credentials == "trust":
                self._announce(job.id)
            if rest is None:
                break
            part += 1
        if open_tasks <= 0:
            close_job(self._access, job)

    def _plan_part(
        self, held: HeldLease, sets: list[SyncSet], part: int, rest: Rest | None
    ) -> tuple[int, Rest | None]:
        """Plan what is left of a job, or as much of it as no slow region holds up.

        :returns: how many tasks are open, and what is left now.
        """
        job = held.claim.job
        project_id = job.project_id
        cloud = Cloud(
            self._access.open(job),
            Caller(project_id, job.is_admin),
            rules_of(self._conf),
            burnt=lambda region, ids: db.tombstones.find(project_id, region, ids),
            planned=lambda region, ids: {
                row.resource: as_item(row) for row in db.plans.planned(job.pk, region, ids)
            },
            submit=self._pools.submit,
            retry=self._retry,
        )
        planner = Planner(cloud, late_after=self._conf.sync.late_after)
        rows = ([self._row(item) for item in batch] for batch in planner.plan(sets, rest))

        def ending() -> tuple[dict[str, int], dict[str, Any] | None]:
            left = planner.rest.to_json() if planner.rest else None
            return dict(planner.in_sync), left

        open_tasks = db.plans.store(held.claim, rows, part=part, ending=ending)
        return open_tasks, planner.rest

    def _row(self, item: Item) -> dict[str, Any]:
        if self._stopping.is_set() and item.outcome and item.outcome.reason in TRANSIENT:
            # It was not tried for as long as it should have been.
            raise exception.Unavailable("The engine stops; another one plans the job")
        return as_row(item)
