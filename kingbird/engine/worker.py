"""Work on one task: write the records of a job in one region."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from itertools import groupby, islice
from typing import Any, cast

from oslo_config import cfg

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.db import api as db
from kingbird.engine.cancellations import POLL_INTERVAL, Cancellations
from kingbird.engine.completion import CANCELLED, end_task, record
from kingbird.engine.credentials import JobCredentials
from kingbird.engine.leases import HeldLease
from kingbird.engine.pools import RegionPools
from kingbird.states import ItemState, Reason
from kingbird.sync.apply import Applier
from kingbird.sync.item import UPDATE, WriteSpec
from kingbird.sync.outcome import Outcome, dependency_failed, message_for, no_endpoint
from kingbird.sync.retry import Retry

LOG = logging.getLogger(__name__)

#: Items to read at a time; outcomes to write at a time, and seconds until they are written.
WINDOW = 100
FLUSH = 100
FLUSH_SECONDS = 1.0
#: Calls that a task has running or queued, as a multiple of its region's workers.
QUEUE_FACTOR = 2


def _open_items(claim: db.Claim) -> Iterator[db.Item]:
    """Yield a task's open items, lower ranks first, reading a window at a time."""
    last: db.Item | None = None
    while items := db.items.open_items(claim, WINDOW, after=last):
        yield from items
        if len(items) < WINDOW:
            break
        last = items[-1]


def _referenced_items(claim: db.Claim, items: Sequence[db.Item]) -> dict[str, db.Item]:
    """Return the items of the images that some items refer to, by image."""
    ids = {other for item in items for other in (item.work or {})["references"].values()}
    if not ids:
        return {}
    found = db.items.planned(claim.job.pk, claim.region_task.region, ids)
    return {other.resource: other for other in found}


def _resolve_references(item: db.Item, others: Mapping[str, db.Item]) -> WriteSpec | Outcome:
    """Return the record to write, with the ids that the images it refers to have in the target.

    :param others: items by image, of this part of the plan and of others.
    :returns: an outcome if one of those images is not in the target.
    """
    work = WriteSpec(**(item.work or {}))
    for name, other_id in work.references.items():
        other = others.get(other_id)
        if other is None:
            continue
        has_ended = other.status not in (ItemState.IN_PROGRESS, ItemState.PLANNED)
        if other.target_resource is None or not has_ended:
            failed = dependency_failed(
                name, other_id, item.target_region, other.reason, other.message
            )
            return failed.with_note(work.note) if work.note else failed
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
    """Work on tasks that the engine has claimed.

    :param stopping: is set when the engine stops; no further items are begun then.
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
        """Work on a task until no item is open, and end it.

        :raises kingbird.exception.LeaseLost: another engine has the task by now.
        :raises kingbird.exception.CredentialsLost: Keystone gives no token for the job.
        :raises kingbird.exception.Unavailable: Keystone or the database is unavailable.
        """
        job = held.claim.job
        region = held.claim.region_task.region
        if self._cancellations.is_cancelled(job):
            end_task(self._access, held, reason=Reason.CANCELLED, message=CANCELLED)
            return
        images = self._access.open_regions(job).get(region)
        if images is None:
            outcome = no_endpoint(region)
            end_task(self._access, held, reason=outcome.reason, message=cast(str, outcome.message))
            return
        outcomes = self._process_task(held, images)
        if self._cancellations.is_cancelled(job, ignore_outage=True):
            end_task(self._access, held, outcomes, reason=Reason.CANCELLED, message=CANCELLED)
            return
        if self._stopping.is_set():
            record(held.claim, outcomes)
            outcomes = []
            if db.items.open_items(held.claim, 1):
                db.leases.release(held.claim)
                return
        end_task(self._access, held, outcomes)

    def _process_task(self, held: HeldLease, images: ImageClient) -> list[dict[str, Any]]:
        """Work on a task's items until none is left, or the job or the engine stops.

        :returns: the last outcomes, to be stored when the task ends.
        """
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
        outcomes: list[dict[str, Any]] = []
        # Images that others refer to have a lower rank.  Their outcomes are read by those.
        for _rank, group in groupby(_open_items(held.claim), key=lambda item: item.rank):
            record(held.claim, outcomes)
            outcomes = self._process_group(held, group, applier)
            if self._must_stop(job):
                break
        return outcomes

    def _process_group(
        self,
        held: HeldLease,
        items: Iterator[db.Item],
        applier: Applier,
    ) -> list[dict[str, Any]]:
        """Work on items that don't depend on each other, with all workers of the region.

        :returns: outcomes that are not stored yet.
        :raises kingbird.exception.KeystoneUnavailable: a token could not be renewed.
        """
        job = held.claim.job
        region = held.claim.region_task.region
        submit = self._pools.submit_for(job)
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
                    call = submit(region, self._process_item, item, work, applier, job)
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
                    record(held.claim, self._to_rows(job, done))
                    done = []
                    flushed = time.monotonic()
        finally:
            for call in calls:
                call.cancel()
        outcomes = self._to_rows(job, done)
        if keystone_error:
            record(held.claim, outcomes)
            raise keystone_error
        return outcomes

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

    def _to_rows(
        self, job: db.Job, done: Sequence[tuple[db.Item, Outcome]]
    ) -> list[dict[str, Any]]:
        """Turn outcomes into columns, and remember the ids that can't be used."""
        if done:
            db.tombstones.add(
                job.project_id,
                done[0][0].target_region,
                [pair for _, outcome in done for pair in outcome.unusable],
                self._conf.sync.tombstone_ttl,
            )
        return [
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
            for item, outcome in done
        ]
