"""Plans one job: reads the regions, stores items and tasks."""

import dataclasses
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from oslo_config import cfg

from kingbird import events, exception
from kingbird.db import api as db
from kingbird.engine.cancellations import Cancellations
from kingbird.engine.completion import finish
from kingbird.engine.credentials import JobCredentials
from kingbird.engine.leases import HeldLease
from kingbird.engine.pools import RegionPools
from kingbird.states import ItemState, JobState, Reason
from kingbird.sync.image import Rules
from kingbird.sync.item import Item
from kingbird.sync.outcome import Outcome
from kingbird.sync.plan import retry_sets
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.plan.planner import Planner
from kingbird.sync.request import Requester, SyncSet
from kingbird.sync.retry import Retry

LOG = logging.getLogger(__name__)

#: Outcomes that might have been others, had there been more time.
TRANSIENT = frozenset({Reason.REGION_UNAVAILABLE})
#: What ``plan_rest`` holds of a run that tries again what failed.
RETRY_KEY = "retry"


#: Items by target region, status and reason.
OutcomeCounts = Counter[tuple[str, str, str]]


def _emit_planned(job: db.Job, ended: OutcomeCounts, in_sync: Mapping[str, int]) -> None:
    """Tell of what was found and needs no work, once the plan is stored."""
    for (region, status, reason), count in ended.items():
        events.emit(events.ItemsEnded(region, status, reason, count))
    for region, count in in_sync.items():
        if count:
            events.emit(events.ItemsEnded(region, JobState.SUCCESS, Reason.IN_SYNC, count))
    events.emit(events.JobProgress(job))


def copy_rules(conf: cfg.ConfigOpts) -> Rules:
    """Read what the operator chose about records."""
    return Rules(
        dropped=frozenset(conf.sync.dropped_properties),
        property_quota=conf.sync.property_quota,
    )


def to_row(item: Item, resource_type: str = "image") -> dict[str, Any]:
    """Turn a planned item into columns."""
    row: dict[str, Any] = {
        "resource_type": resource_type,
        "resource": item.resource,
        "source_region": item.source_region,
        "target_region": item.target_region,
        "target_resource": item.target_resource,
        "action": item.action,
        "rank": item.rank,
        "status": ItemState.IN_PROGRESS,
        "reason": None,
        "message": None,
        "work": dataclasses.asdict(item.work) if item.work else None,
    }
    if item.outcome:
        row.update(
            status=item.outcome.status, reason=item.outcome.reason, message=item.outcome.message
        )
    return row


def from_row(row: db.Item) -> Item:
    """Turn columns into what the planner knows of an item that it planned before."""
    ended = row.status != ItemState.IN_PROGRESS and row.reason is not None
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

    :param notify_engines: tells other engines that there are tasks.
    :param stopping: set when the engine is to stop.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        access: JobCredentials,
        pools: RegionPools,
        cancellations: Cancellations,
        retry: Retry,
        notify_engines: Callable[[str], None],
        stopping: threading.Event,
    ) -> None:
        self._conf = conf
        self._access = access
        self._submit = pools.submit
        self._cancellations = cancellations
        self._retry = retry
        self._announce = notify_engines
        self._stopping = stopping

    def run(self, held: HeldLease) -> None:
        """Plan a job; one that needs no writing is closed at once.

        :raises kingbird.exception.LeaseLost: another engine plans it by now.
        :raises kingbird.exception.CredentialsLost: Keystone gives no token for it.
        :raises kingbird.exception.Unavailable: Keystone or the database is away.
        :raises kingbird.exception.Cancelled: its user cancelled it.
        :raises kingbird.exception.JobTooLarge: it is more than is allowed.
        """
        job = held.claim.job
        # Before Keystone is asked, which may be away for long.
        self._cancellations.raise_if_cancelled(job)
        sets = [SyncSet.from_request(entry) for entry in job.request]
        part = job.plan_parts
        is_retry = bool(job.plan_rest and job.plan_rest.get(RETRY_KEY))
        rest = PlanCursor.from_json(job.plan_rest) if job.plan_rest and not is_retry else None
        while True:
            if is_retry:
                ending = self._plan_retry(held, sets)
            else:
                ending, rest = self._plan_part(held, sets, part, rest)
            LOG.info(
                "Planned part %d of job %s: %d open tasks", part + 1, job.id, ending.open_tasks
            )
            if ending.open_tasks > 1 and job.credentials == "trust":
                self._announce(job.id)
            if rest is None:
                break
            part += 1
        finish(self._access, job, ending)

    def _plan_part(
        self, held: HeldLease, sets: list[SyncSet], part: int, rest: PlanCursor | None
    ) -> tuple[db.Ending, PlanCursor | None]:
        """Plan what is left of a job, or as much of it as no slow region holds up.

        :returns: the tasks that are open, and what is left to plan.
        """
        job = held.claim.job
        planner = Planner(
            self._cloud(job, db.tombstones.find),
            slow_region_timeout=self._conf.sync.slow_region_timeout,
        )

        def ending() -> tuple[dict[str, int], dict[str, Any] | None]:
            left = planner.rest.to_json() if planner.rest else None
            if left is None:
                held.let_go()
            return dict(planner.in_sync), left

        ended: OutcomeCounts = Counter()
        before = db.plans.count_before(job.pk, part) if part else 0
        batches = self._rows(job, planner.plan(sets, rest), ended, before)
        stored = db.plans.store(held.claim, batches, part=part, ending=ending)
        _emit_planned(job, ended, planner.in_sync)
        return stored, planner.rest

    def _plan_retry(self, held: HeldLease, sets: list[SyncSet]) -> db.Ending:
        """Plan the items that are tried again.  Burnt ids are asked for again.

        :returns: the tasks that are open.
        """
        job = held.claim.job
        left = retry_sets.plan_again(sets, db.job_actions.unplanned_items(held.claim))
        known = db.job_actions.targets_by_image(held.claim, left.targets) if left.targets else {}
        planner = Planner(self._cloud(job, lambda project, region, ids: {}))
        batches = planner.plan(left.sets, known=known, share_of=left.regions)
        ended: OutcomeCounts = Counter()
        before = db.plans.count_before(job.pk, job.plan_parts - 1)
        db.job_actions.store_retry(held.claim, self._rows(job, batches, ended, before))
        held.let_go()
        stored = db.job_actions.finish_retry(
            held.claim, (dict(planner.in_sync), None), left.targets
        )
        # What was in order before was told of before.
        _emit_planned(job, ended, planner.in_sync - Counter(job.in_sync))
        return stored

    def _cloud(self, job: db.Job, burnt: Callable[..., Mapping[str, str]]) -> PlanContext:
        return PlanContext(
            self._access.open_regions(job),
            Requester(job.project_id, job.is_admin),
            copy_rules(self._conf),
            tombstones=lambda region, ids: burnt(job.project_id, region, ids),
            planned=lambda region, ids: {
                row.resource: from_row(row) for row in db.plans.planned(job.pk, region, ids)
            },
            submit=self._submit,
            retry=self._retry.with_check(
                lambda: self._cancellations.raise_if_cancelled(job, ignore_outage=True)
            ),
        )

    def _rows(
        self, job: db.Job, batches: Iterable[Sequence[Item]], ended: OutcomeCounts, count: int = 0
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield batches of columns, as long as the job is to go on and is not too large.

        :param ended: gets the number of items that need no work.
        :param count: items that the job has already.
        """
        most = self._conf.sync.max_items_per_job
        for batch in batches:
            self._cancellations.raise_if_cancelled(job)
            count += len(batch)
            if most and count > most:
                raise exception.JobTooLarge(
                    "too_many_items", f"The job needs more than {most} items"
                )
            ended.update(
                (item.target_region, item.outcome.status, item.outcome.reason)
                for item in batch
                if item.outcome
            )
            yield [self._row(item) for item in batch]

    def _row(self, item: Item) -> dict[str, Any]:
        if self._stopping.is_set() and item.outcome and item.outcome.reason in TRANSIENT:
            # It was not tried for as long as it should have been.
            raise exception.Unavailable("The engine stops; another one plans the job")
        return to_row(item)
