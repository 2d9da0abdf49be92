"""Works on one task: makes the records of a job in one region."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from itertools import chain, groupby, islice
from typing import Any

from oslo_config import cfg

from kingbird import events, exception
from kingbird.clients.glance import ImageClient
from kingbird.db import api as db
from kingbird.engine.cancellations import POLL_INTERVAL, Cancellations
from kingbird.engine.completion import CANCELLED, close_job, fail_task
from kingbird.engine.credentials import JobCredentials
from kingbird.engine.leases import HeldLease
from kingbird.engine.pools import RegionPools
from kingbird.states import ItemState, Reason
from kingbird.sync.apply import Applier
from kingbird.sync.item import UPDATE, WriteSpec
from kingbird.sync.outcome import Outcome, message_for
from kingbird.sync.retry import Retry

LOG = logging.getLogger(__name__)

#: Items read at a time, and outcomes written at a time or at the latest after some seconds.
WINDOW = 100
FLUSH = 100
FLUSH_SECONDS = 1.0
#: Calls that a task has under way or queued, as a multiple of its region's workers.
QUEUE_FACTOR = 2


def _open_items(claim: db.Claim) -> Iterator[db.Item]:
    """Yield a task's open items, lower ranks first; more are read as they are needed."""
    last: db.Item | None = None
    while items := db.plans.open_items(claim, WINDOW, after=last):
        yield from items
        last = items[-1]


def _referenced_items(claim: db.Claim, items: Sequence[db.Item]) -> dict[str, db.Item]:
    """Return the items of the images that some items refer to, by image."""
    named = {other for item in items for other in (item.work or {})["references"].values()}
    if not named:
        return {}
    found = db.plans.planned(claim.job.pk, claim.region_task.region, named)
    return {other.resource: other for other in found}


def _resolve_references(item: db.Item, others: Mapping[str, db.Item]) -> WriteSpec | Outcome:
    """Return the record to write, with the ids that the images it refers to have in the target.

    :param others: items by image.  An image of another part of the plan has its id already.
    :returns: an outcome if one of those images is not in the target.
    """
    work = WriteSpec(**(item.work or {}))
    for name, other_id in work.references.items():
        other = others.get(other_id)
        if other is None:
            continue
        unfinished = other.status == ItemState.IN_PROGRESS and other.part == item.part
        dry_run = other.status == ItemState.PLANNED
        if other.target_resource is None or unfinished or dry_run:
            return Outcome(
                Reason.DEPENDENCY_FAILED,
                f"{name} names image {other_id}, which could not be brought to "
                f"{item.target_region}: {other.reason}",
            )
        work = work.with_reference(name, other.target_resource)
    return work


def _outcome_of(call: "futures.Future[Outcome]") -> Outcome | None:
    """Return the outcome of an item's call, or ``None`` if it stopped before there was one."""
    try:
        return call.result()
    except exception.Cancelled:
        return None
    except exception.RegionUnavailable as error:
        # The circuit breaker is open.
        return Outcome(Reason.REGION_UNAVAILABLE, error.message)


class TaskWorker:
    """Works on tasks that the engine has claimed.

    :param stopping: set when the engine is to stop; items that were not begun are left.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        access: JobCredentials,
        pools: RegionPools,
        cancellations: Cancellations,
        retry: Retry,
        stopping: threading.Event,
    ) -> None:
        self._conf = conf
        self._access = access
        self._pools = pools
        self._cancellations = cancellations
        self._retry = retry
        self._stopping = stopping

    def run(self, held: HeldLease) -> None:
        """Work on a task until no item is open; who ends a job's last task closes it.

        :raises kingbird.exception.LeaseLost: another engine has the task by now.
        :raises kingbird.exception.CredentialsLost: Keystone gives no token for the job.
        :raises kingbird.exception.Unavailable: Keystone or the database is away.
        """
        claim = held.claim
        region = claim.region_task.region
        if self._cancellations.is_cancelled(claim.job):
            self._end_cancelled(held)
            return
        images = self._access.open_regions(claim.job).get(region)
        if images is None:
            fail_task(
                claim,
                "region_unavailable",
                f"Region {region} has no image endpoint in the service catalog any more",
            )
        else:
            self._process_task(held, images)
        if self._cancellations.is_cancelled(claim.job, ignore_outage=True):
            self._end_cancelled(held)
            return
        if self._stopping.is_set() and db.plans.open_items(claim, 1):
            db.leases.release(claim)
            return
        self._end(held)

    def _end_cancelled(self, held: HeldLease) -> None:
        """End a task whose job was cancelled: what was under way has ended by now."""
        fail_task(held.claim, Reason.CANCELLED, CANCELLED)
        self._end(held)

    def _end(self, held: HeldLease) -> None:
        held.let_go()
        if db.outcomes.end_task(held.claim) <= 0:
            close_job(self._access, held.claim.job)

    def _process_task(self, held: HeldLease, images: ImageClient) -> None:
        job = held.claim.job

        def may_write() -> None:
            self._cancellations.raise_if_cancelled(job, ignore_outage=True)
            held.check()

        applier = Applier(
            images,
            is_admin=job.is_admin,
            may_write=may_write,
            retry=self._retry.with_check(
                lambda: self._cancellations.raise_if_cancelled(job, ignore_outage=True)
            ),
        )
        while not self._must_stop(job):
            items = _open_items(held.claim)
            first = next(items, None)
            if first is None:
                return
            # What others refer to has a lower rank and ends first.
            for _rank, group in groupby(chain([first], items), key=lambda item: item.rank):
                self._process_group(held, group, applier)
                if self._must_stop(job):
                    return

    def _process_group(
        self,
        held: HeldLease,
        items: Iterator[db.Item],
        applier: Applier,
    ) -> None:
        """Work on items that don't depend on each other, all workers at once.

        :raises kingbird.exception.KeystoneUnavailable: a token could not be renewed.
        """
        job = held.claim.job
        region = held.claim.region_task.region
        calls: dict[futures.Future[Outcome], db.Item] = {}
        done: list[tuple[db.Item, Outcome]] = []
        flushed = time.monotonic()
        keystone_error: exception.KeystoneUnavailable | None = None
        try:
            while True:
                # A queue longer than this would delay other jobs' calls to the region.
                room = QUEUE_FACTOR * self._conf.sync.region_concurrency - len(calls)
                if keystone_error or self._must_stop(job):
                    # Queued calls would still wait for calls of other jobs.
                    calls = {call: item for call, item in calls.items() if not call.cancel()}
                    room = 0
                batch = list(islice(items, room))
                others = _referenced_items(held.claim, batch)
                for item in batch:
                    work = _resolve_references(item, others)
                    if isinstance(work, Outcome):
                        done.append((item, work))
                        continue
                    call = self._pools.submit(region, self._process_item, item, work, applier, job)
                    calls[call] = item
                if not calls and not batch:
                    break
                ended, _ = futures.wait(calls, POLL_INTERVAL, futures.FIRST_COMPLETED)
                for call in ended:
                    item = calls.pop(call)
                    try:
                        outcome = _outcome_of(call)
                    except exception.KeystoneUnavailable as error:
                        # The task is postponed once running calls have ended.
                        keystone_error = error
                        continue
                    if outcome is not None:
                        done.append((item, outcome))
                if len(done) >= FLUSH or (done and time.monotonic() - flushed > FLUSH_SECONDS):
                    self._record(held, done)
                    done = []
                    flushed = time.monotonic()
        finally:
            for call in calls:
                call.cancel()
        self._record(held, done)
        if keystone_error:
            raise keystone_error

    def _process_item(
        self, item: db.Item, work: WriteSpec, applier: Applier, job: db.Job
    ) -> Outcome:
        """Write one record.

        :raises kingbird.exception.Cancelled: engine or job stop before there is an outcome.
        """
        self._raise_if_stopping(job)
        try:
            if item.action == UPDATE:
                outcome = applier.update(item.source_region, work)
            else:
                outcome = applier.create(item.resource, item.source_region, work)
        except exception.KingbirdError:
            raise
        except Exception:
            # A fault in one item does not end the others.
            LOG.exception("Unexpected error while syncing image %s", item.resource)
            return Outcome(
                Reason.INTERNAL_ERROR,
                "A fault in Kingbird; its engine's log tells more",
                region_contacted=False,
            )
        if outcome.reason == Reason.REGION_UNAVAILABLE:
            # If the job stops, retries were cut short and the region has not failed.
            self._raise_if_stopping(job)
        return outcome

    def _raise_if_stopping(self, job: db.Job) -> None:
        if self._must_stop(job):
            raise exception.Cancelled(f"Job {job.id} or its engine stops")

    def _must_stop(self, job: db.Job) -> bool:
        """Return whether no further item may begin."""
        return self._stopping.is_set() or self._cancellations.is_cancelled(job, ignore_outage=True)

    def _record(self, held: HeldLease, done: Sequence[tuple[db.Item, Outcome]]) -> None:
        if not done:
            return
        rows: list[dict[str, Any]] = []
        burnt: list[tuple[str, str]] = []
        for item, outcome in done:
            burnt += outcome.burnt
            rows.append(
                {
                    "pk": item.pk,
                    "status": outcome.status,
                    "reason": outcome.reason,
                    "message": outcome.message
                    or message_for(
                        outcome.reason, source=item.source_region, target=item.target_region
                    ),
                    "target_resource": outcome.target_resource,
                }
            )
        db.outcomes.record(held.claim, rows)
        counts = Counter((item.target_region, end.status, end.reason) for item, end in done)
        for counted, count in counts.items():
            events.emit(events.ItemsEnded(*counted, count))
        events.emit(events.JobProgress(held.claim.job))
        db.tombstones.add(
            held.claim.job.project_id,
            done[0][0].target_region,
            burnt,
            self._conf.sync.tombstone_ttl,
        )
