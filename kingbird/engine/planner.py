"""Plans jobs: reads the regions, stores items and tasks."""

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any, NamedTuple

from oslo_config import cfg

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine import resource_types, undos
from kingbird.engine.away_regions import AwayRegions
from kingbird.engine.cancellations import Cancellations
from kingbird.engine.completion import finish
from kingbird.engine.credentials import JobCredentials
from kingbird.engine.leases import HeldLease
from kingbird.engine.plan_inputs import caller_of, copy_rules, from_row
from kingbird.engine.plan_progress import PlanProgress
from kingbird.engine.planned_parts import OutcomeCounts, PlannedParts
from kingbird.engine.pools import RegionPools
from kingbird.engine.previews import Preview
from kingbird.engine.region_budget import FIRST_PARTS, LATER_PARTS, RegionBudget, regions_of
from kingbird.states import Reason, Trigger
from kingbird.sync.item import Item
from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.outcome import cancelled_in_part
from kingbird.sync.plan import retry_sets
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.planned import PlannedItem
from kingbird.sync.request import SyncSet
from kingbird.sync.retry import Retry
from kingbird.sync.wildcard_regions import has_no_target, names_all_regions, resolve_regions

#: Reasons that might be others if there had been more time.
TRANSIENT = frozenset({Reason.REGION_UNAVAILABLE})
#: Items of a job whose tasks the engine that planned it works on, without another claim.
SMALL_JOB = 100


class TakenTasks(NamedTuple):
    """Tasks that were claimed with the plan that has them.

    :ivar since: the monotonic time at which the claims began.
    :ivar pause: the seconds until the rest of the plan, which waits for a region, is looked at
        again; ``None`` if there is none.
    """

    claims: Sequence[db.Claim] = ()
    since: float = 0.0
    pause: float | None = None


class JobPlanner:
    """Plans jobs that the engine has claimed.

    :param notify_engines: wakes other engines when there are tasks.
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
        self._pools = pools
        self._cancellations = cancellations
        self._retry = retry
        self._parts = PlannedParts(notify_engines)
        self._stopping = stopping
        self._first_parts = RegionBudget(FIRST_PARTS)
        self._later_parts = RegionBudget(LATER_PARTS)

    def run(
        self, held: HeldLease, full_regions: Callable[[], Collection[str]] = tuple
    ) -> TakenTasks:
        """Plan a job, and close it if there is nothing to write.

        :param full_regions: returns the regions that this engine has enough tasks of.
        :returns: the tasks of a small job, which are claimed as they are stored: nobody has to
            look for them.
        :raises kingbird.exception.LeaseLost: another engine plans it by now.
        :raises kingbird.exception.CredentialsLost: Keystone gives no token for it.
        :raises kingbird.exception.Unavailable: Keystone or the database is away.
        :raises kingbird.exception.Cancelled: its user cancelled it.
        :raises kingbird.exception.JobImpossible: it needs more items than are allowed, or a
            rule leaves no region to sync to.
        """
        job = held.claim.job
        # Keystone may be away for long, so this comes before it is asked.
        self._cancellations.raise_if_cancelled(job)
        take = db.plans.Take(self._conf.engine.lease, SMALL_JOB, full_regions)
        if job.undoes:
            ending, taken = self._plan_undo(held, take)
            finish(self._access, job, ending)
            return taken
        if job.rule_id is not None or job.of_id is not None:
            self._resolve_regions(held)
        sets = [SyncSet.from_request(entry) for entry in job.request]
        if job.applies:
            sets = [dataclasses.replace(one, dry_run=False) for one in sets]
        plan = (
            self._plan_retry if job.plan_rest == db.retried_items.RETRY_REST else self._plan_parts
        )
        ending, taken = plan(held, sets, take)
        finish(self._access, job, ending)
        return taken

    def _resolve_regions(self, held: HeldLease) -> None:
        """Replace ``*`` in the request of a rule's job with the regions of the present catalog.

        The stored request names them from then on, so that all parts of a plan and each retry
        are about the same regions.
        """
        job = held.claim.job
        if not any(names_all_regions(entry) for entry in job.request):
            return
        known = sorted(self._access.open_regions(job))
        request = []
        for entry in job.request:
            sources, targets = resolve_regions(entry, known)
            if has_no_target(sources, targets):
                raise exception.JobImpossible(
                    Reason.REGION_UNAVAILABLE,
                    "The rule leaves no region to sync to; those with an image endpoint are "
                    f"{', '.join(known) or 'none'}",
                )
            request.append({**entry, "sources": sources, "targets": targets})
        db.plans.set_request(held.claim, request)
        job.request = request

    def _plan_parts(
        self, held: HeldLease, sets: list[SyncSet], take: db.plans.Take
    ) -> tuple[db.Ending, TakenTasks]:
        """Plan what is left of a job; regions that lag, or are away, get a part of their own.

        :returns: the open tasks, and those of the last part that are claimed.
        """
        claim, job = held.claim, held.claim.job
        cursor = PlanCursor.from_json(job.plan_rest) if job.plan_rest else None
        regions = self._away_regions(job, is_patient=not all(one.dry_run for one in sets))
        away = regions.still_away(lambda: self._access.open_regions(job))
        if cursor is not None and away and away.issuperset(cursor.covered_to):
            return db.Ending(), TakenTasks(pause=regions.pause(held, away))
        progress = PlanProgress(claim)
        resource_type = resource_types.of(job)
        preview = Preview(job, resource_type.item) if job.applies else None
        for part in count(job.plan_parts):
            with (
                self._room(held, sets, is_first=cursor is None),
                db.plans.PlanWriter(claim, part, listed=progress.listed) as plan,
            ):
                context = self._context(held, plan, db.tombstones.find, progress, regions, away)
                planner = resource_type.planner(
                    context, slow_region_timeout=self._conf.sync.slow_region_timeout
                )
                tally = resource_type.tally(sets, caller_of(job), is_first=not part)
                batches = _compared(planner.plan(sets, cursor), preview)
                outcomes = self._store(plan, claim, part, planner, batches, tally)
                self._raise_if_stopped_short(context, away)
                unseen = cursor.unseen if cursor else frozenset()
                cursor, away = planner.next_cursor, frozenset(context.calls.away)
                if preview is not None and cursor is None:
                    plan.flush()
                    outcomes += self._store(plan, claim, part, planner, preview.rest(), tally)
                for findings in tally.rest():
                    plan.hold((), findings)
                if cursor is None:
                    held.stop_renewing()
                since = time.monotonic()
                ending = plan.finish(
                    planner.in_sync,
                    cursor.to_json() if cursor else None,
                    take if cursor is None else None,
                    no_data=planner.no_data,
                    figures=tally.figures(
                        planner.in_sync, sorted(self._access.open_regions(job)), away, unseen
                    ),
                )
            self._parts.announce(job, part, ending, plan.claims, outcomes, planner)
            if cursor is None:
                break
            if away and away.issuperset(cursor.covered_to):
                return ending, TakenTasks(pause=regions.pause(held, away))
        return ending, TakenTasks(plan.claims, since)

    def _plan_retry(
        self, held: HeldLease, sets: list[SyncSet], take: db.plans.Take
    ) -> tuple[db.Ending, TakenTasks]:
        """Plan the items that are retried, without regard to tombstones.

        Those that depend on a region that is away wait for another part of the plan.

        :returns: the open tasks, and those that are claimed.
        """
        claim, job = held.claim, held.claim.job
        part = job.plan_parts - 1
        while db.settling.settle_claimed(claim):
            self._cancellations.raise_if_cancelled(job)
        pairs = db.job_actions.unplanned_items(claim)
        regions = self._away_regions(job, is_patient=not all(one.dry_run for one in sets))
        targets = {target for _, target in pairs}
        away, are_all = regions.away_of(targets, lambda: self._access.open_regions(job))
        if are_all:
            return db.Ending(), TakenTasks(pause=regions.pause(held, away))
        retry = retry_sets.sets_to_retry(sets, pairs)
        known = db.job_actions.targets_by_image(claim, retry.targets) if retry.targets else {}
        progress = PlanProgress(claim)
        resource_type = resource_types.of(job)
        preview = Preview(job, resource_type.item) if job.applies else None
        with (
            self._room(held, retry.sets, is_first=True),
            db.plans.PlanWriter(
                claim, part, recounted=retry.targets, listed=progress.listed
            ) as plan,
        ):
            context = self._context(held, plan, _no_tombstones, progress, regions, away)
            planner = resource_type.planner(context)
            batches = planner.plan(retry.sets, known=known, retried_regions=retry.regions)
            tally = resource_type.tally((), caller_of(job), is_first=False)
            compared = _compared(batches, preview)
            outcomes = self._store(plan, claim, part, planner, compared, tally)
            self._raise_if_stopped_short(context, away)
            waits = frozenset(planner.next_cursor.covered_to if planner.next_cursor else ())
            if preview is not None and not waits:
                plan.flush()
                outcomes += self._store(plan, claim, part, planner, preview.rest(), tally)
            if not waits:
                held.stop_renewing()
            since = time.monotonic()
            ending = plan.finish(
                planner.in_sync,
                db.retried_items.RETRY_REST if waits else None,
                None if waits else take,
                no_data=planner.no_data,
                compared=retry_sets.compared(sets, retry.regions, waits) if waits else None,
            )
        # An earlier run has counted the rest.
        planner.in_sync -= Counter(job.in_sync)
        planner.no_data -= Counter(job.no_data or {})
        self._parts.announce(job, part, ending, plan.claims, outcomes, planner)
        if waits:
            return ending, TakenTasks(pause=regions.pause(held, waits))
        return ending, TakenTasks(plan.claims, since)

    def _raise_if_stopped_short(self, context: PlanContext, away: Collection[str]) -> None:
        """Give a part of a plan up if the engine stops, and regions were found away meanwhile.

        :param away: those that were away before.
        """
        if self._stopping.is_set() and not context.calls.away.issubset(away):
            # The regions were not tried for as long as they should have been.
            raise exception.Unavailable("The engine stops; another one plans the job")

    def _away_regions(self, job: db.Job, *, is_patient: bool) -> AwayRegions:
        return AwayRegions(
            self._conf, self._pools, self._cancellations, job, is_patient=is_patient
        )

    def _room(
        self, held: HeldLease, sets: Iterable[SyncSet], *, is_first: bool
    ) -> AbstractContextManager[None]:
        """Wait until the regions of sets have room beside those of other plans."""

        def check() -> None:
            self._cancellations.raise_if_cancelled(held.claim.job, ignore_outage=True)
            held.raise_if_lost()
            if self._stopping.is_set():
                raise exception.Unavailable("The engine stops; another one plans the job")

        budget = self._first_parts if is_first else self._later_parts
        return budget.hold(regions_of(sets), check)

    def _plan_undo(self, held: HeldLease, take: db.plans.Take) -> tuple[db.Ending, TakenTasks]:
        """Plan to undo what another job wrote; no region is asked.

        :returns: the open tasks, and those that are claimed.
        """
        claim, job = held.claim, held.claim.job
        progress = PlanProgress(claim)
        with db.plans.PlanWriter(claim, 0, listed=progress.listed) as plan:
            resource_type = resource_types.of(job)
            planner = resource_type.planner(
                self._context(held, plan, db.tombstones.find, progress)
            )
            tally = resource_type.tally((), caller_of(job), is_first=False)
            outcomes = self._store(plan, claim, 0, planner, undos.items_of(job), tally)
            held.stop_renewing()
            since = time.monotonic()
            ending = plan.finish({}, take=take)
        self._parts.announce(job, 0, ending, plan.claims, outcomes, planner)
        return ending, TakenTasks(plan.claims, since)

    def _store(
        self,
        plan: db.plans.PlanWriter,
        claim: db.Claim,
        part: int,
        planner: resource_types.Planner,
        batches: Iterable[Sequence[PlannedItem]],
        tally: resource_types.Tally,
    ) -> OutcomeCounts:
        """Store batches of items, as long as the job is to go on and is not too large.

        :param planner: yields the batches.

        :returns: the number of items that need no work.
        """
        job, limit = claim.job, self._conf.sync.max_items_per_job
        outcomes: OutcomeCounts = Counter()
        total = db.items.count_before(job.pk, part) if part else 0
        for batch in batches:
            self._cancellations.raise_if_cancelled(job)
            total += len(batch)
            if limit and total > limit:
                raise exception.JobImpossible(
                    Reason.TOO_MANY_ITEMS, f"The job needs more than {limit} items"
                )
            findings = tally.findings(planner.findings, batch, planner.in_sync_so_far())
            plan.hold([self._row(job, item) for item in batch], findings)
            outcomes.update(
                (item.target_region, item.outcome.status, item.outcome.reason)
                for item in batch
                if item.outcome
            )
        return outcomes

    def _context(
        self,
        held: HeldLease,
        plan: db.plans.PlanWriter,
        tombstones: Callable[..., Mapping[str, str]],
        progress: PlanProgress,
        regions: AwayRegions | None = None,
        away: Collection[str] = (),
    ) -> PlanContext:
        """Return the cloud as a part of a plan sees it.

        :param regions: tells which regions are away, if their shares of the job wait.
        :param away: those that are not asked.
        """
        job, clients = held.claim.job, self._access.open_regions(held.claim.job)

        def planned(region: str, ids: Collection[str]) -> dict[str, Item]:
            plan.flush()
            return {row.resource: from_row(row) for row in db.items.planned(job, region, ids)}

        def check() -> None:
            self._cancellations.raise_if_cancelled(job, ignore_outage=True)
            held.raise_if_lost()
            progress.note_if_due()

        def is_away(region: str) -> bool:
            return regions is not None and bool(regions.look(clients, [region]))

        return PlanContext(
            clients,
            caller_of(job),
            copy_rules(self._conf),
            tombstones=lambda region, ids: tombstones(job.project_id, region, ids),
            planned=planned,
            calls=RegionCalls(
                self._pools.submit_for(job),
                self._retry.with_check(check),
                progress.listed,
                self._pools.moved_at,
                is_away,
                away,
            ),
            stated=lambda first, last, all_projects: db.state_pages.ids(
                None if all_projects else job.project_id, first, last
            ),
            hidden=db.orphans.find,
            orphan_grace=self._conf.sync.orphan_grace,
            at_once=job.trigger == Trigger.EVENT,
        )

    def _row(self, job: db.Job, item: PlannedItem) -> dict[str, Any]:
        if self._stopping.is_set() and item.outcome and item.outcome.reason in TRANSIENT:
            # The region was not tried for as long as it should have been.
            raise exception.Unavailable("The engine stops; another one plans the job")
        if item.is_to_be_written and self._cancellations.leaves_out(
            job, item.target_region, item.resource
        ):
            item = item.without_work().with_outcome(cancelled_in_part())
        return resource_types.of(job).to_row(item)


def _no_tombstones(project: str, region: str, ids: Collection[str]) -> dict[str, str]:
    """Return no id: a retry asks for all of them again."""
    return {}


def _compared(
    batches: Iterable[Sequence[PlannedItem]], preview: Preview | None
) -> Iterable[Sequence[PlannedItem]]:
    """Yield batches of a plan, compared with the dry run that it carries out, if any."""
    return batches if preview is None else map(preview.compare, batches)
