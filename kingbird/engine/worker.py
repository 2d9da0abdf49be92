"""Work on one task: write the records of a job in one region."""

import dataclasses
import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, cast

from oslo_config import cfg

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.db import api as db
from kingbird.engine import resource_types
from kingbird.engine.away_regions import patience_of, pause_between_looks, which_are_away
from kingbird.engine.cancellations import POLL_INTERVAL, Cancellations
from kingbird.engine.completion import CANCELLED, end_task, record
from kingbird.engine.credentials import JobCredentials
from kingbird.engine.leases import HeldLease
from kingbird.engine.pools import RegionPools
from kingbird.engine.running_calls import RunningCalls
from kingbird.engine.source_reads import SourceReader, after
from kingbird.engine.task_progress import TaskProgress
from kingbird.states import Reason
from kingbird.sync.outcome import Outcome, cancelled_in_part, no_endpoint
from kingbird.sync.retry import Retry

LOG = logging.getLogger(__name__)

#: Items to read at a time; outcomes to write at a time, and seconds until they are written.
WINDOW = 100
FLUSH = 100
FLUSH_SECONDS = 1.0
AWAY_FOR_TOO_LONG = (
    "Region {region} has been away for more than {seconds:g} seconds, so this was not tried "
    "any more"
)
NO_PATIENCE = "Region {region} is away, and the job waits for it no longer"
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
    """Return the items of the resources that some items refer to, by resource."""
    ids = {other for item in items for other in (item.work or {}).get("references", {}).values()}
    if not ids:
        return {}
    found = db.items.planned(claim.job, claim.region_task.region, ids)
    return {other.resource: other for other in found}


def _outcome_of(call: "futures.Future[Outcome]") -> Outcome | None:
    """Return the outcome of an item's call, or ``None`` if it stopped before there was one."""
    try:
        return call.result()
    except exception.Cancelled:
        return None
    except exception.RegionUnavailable as error:
        # The circuit breaker is open.
        return Outcome(Reason.REGION_UNAVAILABLE, error.message)


def _take_result(
    call: "futures.Future[Outcome]",
    item: db.Item,
    done: list[tuple[db.Item, Outcome]],
    progress: TaskProgress,
) -> None:
    """Add the outcome of an item's call to those that are done, if it stands."""
    try:
        outcome = _outcome_of(call)
    except exception.KeystoneUnavailable as error:
        progress.keystone = error
        return
    if outcome is not None and progress.stands(item, outcome):
        done.append((item, outcome))


@dataclass(eq=False, repr=False)
class TaskWorker:
    """Work on tasks that the engine has claimed.

    :ivar stopping: is set when the engine stops; no further items are begun then.
    """

    conf: cfg.ConfigOpts
    access: JobCredentials
    pools: RegionPools
    cancellations: Cancellations
    retry: Retry
    stopping: threading.Event

    def __post_init__(self) -> None:
        self._reader = SourceReader(self.pools)

    def resting_regions(self) -> list[str]:
        """Return the regions that are away, and that nobody is to look at for a while."""
        return self.pools.resting_regions()

    def run(self, held: HeldLease) -> float | None:
        """Work on a task until no item is open, and end it; or release it, if its region is away.

        :returns: the seconds until a paused task goes on, or ``None``.
        :raises kingbird.exception.LeaseLost: another engine has the task by now.
        :raises kingbird.exception.CredentialsLost: Keystone gives no token for the job.
        :raises kingbird.exception.Unavailable: Keystone or the database is unavailable.
        """
        job = held.claim.job
        task = held.claim.region_task
        if self.cancellations.is_cancelled(job):
            end_task(self.access, held, reason=Reason.CANCELLED, message=CANCELLED)
            return None
        regions = self.access.open_regions(job)
        if task.region not in regions:
            outcome = no_endpoint(task.region)
            end_task(self.access, held, reason=outcome.reason, message=cast(str, outcome.message))
            return None
        progress = TaskProgress(
            is_patient=patience_of(self.conf, job) > 0,
            is_left_alone=functools.partial(self.pools.is_left_alone, task.region),
        )
        if task.away_since is not None:
            progress.is_away = self._is_away(job, regions[task.region])
        outcomes = [] if progress.is_away else self._process_task(held, regions, progress)
        if self.cancellations.is_cancelled(job, ignore_outage=True):
            end_task(self.access, held, outcomes, reason=Reason.CANCELLED, message=CANCELLED)
            return None
        if (refusal := progress.refusal) is not None:
            self._end_without_token(held, outcomes, progress, refusal)
            return None
        if progress.is_over or self.stopping.is_set():
            record(held.claim, outcomes, answered=progress.take_answer())
            outcomes = []
        if progress.keystone is not None:
            raise progress.keystone
        if progress.is_away:
            return self._pause(held)
        if self.stopping.is_set() and db.items.open_items(held.claim, 1):
            db.leases.release(held.claim)
            return None
        end_task(self.access, held, outcomes)
        return None

    def _is_away(self, job: db.Job, images: ImageClient) -> bool:
        return bool(which_are_away(self.pools, job, [images]))

    def _pause(self, held: HeldLease) -> float | None:
        """Release a task until its region is back, or end it if the region is away for too long.

        :returns: the seconds until an engine looks at the region again, or ``None``.
        """
        region, patience = held.claim.region_task.region, patience_of(self.conf, held.claim.job)
        held.stop_renewing()
        pause = db.pauses.pause(held.claim, pause_between_looks(self.conf), patience)
        if pause is None:
            held.go_on_renewing()
            text = AWAY_FOR_TOO_LONG if patience > 0 else NO_PATIENCE
            message = text.format(region=region, seconds=patience)
            end_task(self.access, held, reason=Reason.REGION_UNAVAILABLE, message=message)
        else:
            LOG.info("Job %s waits for region %s", held.claim.job.id, region)
        return pause

    def _end_without_token(
        self,
        held: HeldLease,
        outcomes: list[dict[str, Any]],
        progress: TaskProgress,
        refusal: exception.CredentialsLost,
    ) -> None:
        """End a task whose job Keystone gives no token for any more."""
        job = held.claim.job
        reason, message = self.access.explain_loss(job, refusal)
        refused = [
            (item, dataclasses.replace(outcome, reason=reason))
            for item, outcome in progress.refused
        ]
        rows = [*outcomes, *self._to_rows(job, refused)]
        end_task(self.access, held, rows, reason=reason, message=message)

    def _process_task(
        self, held: HeldLease, regions: Mapping[str, ImageClient], progress: TaskProgress
    ) -> list[dict[str, Any]]:
        """Work on a task's items until none is left, or the job or the engine stops.

        :param regions: the images of each region.
        :param progress: notes what ends the work before.
        :returns: the last outcomes, to be stored when the task ends.
        """
        job = held.claim.job

        def may_write() -> None:
            self.cancellations.raise_if_cancelled(job, ignore_outage=True)
            held.check()

        retry = self.retry.with_check(
            lambda: self.cancellations.raise_if_cancelled(job, ignore_outage=True)
        )

        images = regions[held.claim.region_task.region]
        context = resource_types.WriteContext(images, job, may_write, retry, regions)

        @functools.cache
        def writer_of(resource_type: str) -> resource_types.Writer:
            return resource_types.named(resource_type).writer(context)

        def begin(item: db.Item, work: Any) -> futures.Future[Outcome]:
            writer = writer_of(item.resource_type)
            write = functools.partial(self._process_item, item, writer, job)
            submit = functools.partial(self.pools.submit_for(job), item.target_region)
            first = writer.first_read(work)
            if first is None:
                return submit(write, work)
            read = self._reader.begin(job, item, regions.get(item.source_region), first, retry)
            with_read = functools.partial(writer.with_read, item, work)
            return after(read, lambda found: write(with_read(found)), submit)

        outcomes: list[dict[str, Any]] = []
        # Resources that others refer to have a lower rank.  Their outcomes are read by those.
        for _rank, group in groupby(_open_items(held.claim), key=lambda item: item.rank):
            record(held.claim, outcomes, answered=progress.take_answer())
            progress.begin_group()
            outcomes = self._process_group(held, group, writer_of, begin, progress)
            if progress.has_kept_back and not (progress.is_over or self._must_stop(job)):
                record(held.claim, outcomes, answered=progress.take_answer())
                outcomes = []
                progress.is_away = self._is_away(job, regions[held.claim.region_task.region])
            if progress.has_kept_back and not (progress.is_over or self._must_stop(job)):
                again = iter(progress.second_tries())
                outcomes = self._process_group(held, again, writer_of, begin, progress)
            if progress.is_over or self._must_stop(job):
                break
        return outcomes

    def _process_group(
        self,
        held: HeldLease,
        items: Iterator[db.Item],
        writer_of: Callable[[str], resource_types.Writer],
        begin: Callable[[db.Item, Any], "futures.Future[Outcome]"],
        progress: TaskProgress,
    ) -> list[dict[str, Any]]:
        """Work on items that don't depend on each other, with all workers of the region.

        :param begin: begins to write an item.
        :param progress: notes what ends the work before all have outcomes; running calls end.
        :returns: outcomes that are not stored yet.
        """
        job = held.claim.job
        calls: RunningCalls[Outcome, db.Item] = RunningCalls()
        workers = self.conf.sync.region_concurrency
        done: list[tuple[db.Item, Outcome]] = []
        flushed = time.monotonic()
        try:
            while True:
                # A queue longer than this would delay other jobs' calls to the region.
                room = QUEUE_FACTOR * workers - len(calls)
                if progress.is_over or self._must_stop(job):
                    # Queued calls would still wait for calls of other jobs.
                    calls.cancel()
                    room = 0
                batch = list(islice(items, room))
                others = _referenced_items(held.claim, batch)
                for item in batch:
                    writer = writer_of(item.resource_type)
                    work = self._work_of(item, others, writer, job)
                    if isinstance(work, Outcome):
                        done.append((item, work))
                        continue
                    calls.add(begin(item, work), item)
                if not calls and not batch:
                    break
                # As many wait as run, so that no worker is idle before the half has ended.
                for call, item in calls.take(max(1, workers // 2), POLL_INTERVAL):
                    _take_result(call, item, done, progress)
                if len(done) >= FLUSH or (done and time.monotonic() - flushed > FLUSH_SECONDS):
                    rows = self._to_rows(job, done)
                    record(held.claim, rows, answered=progress.take_answer())
                    done = []
                    flushed = time.monotonic()
        finally:
            calls.cancel()
        return self._to_rows(job, done)

    def _work_of(
        self,
        item: db.Item,
        others: Mapping[str, db.Item],
        writer: resource_types.Writer,
        job: db.Job,
    ) -> Any:
        """Return what is to be written, or an outcome if there is nothing to write any more."""
        if self.cancellations.leaves_out(job, item.target_region, item.resource):
            return cancelled_in_part()
        return writer.work_of(item, others)

    def _process_item(
        self, item: db.Item, writer: resource_types.Writer, job: db.Job, work: Any
    ) -> Outcome:
        """Write one item.

        :raises kingbird.exception.Cancelled: engine or job stop before there is an outcome.
        """
        self._raise_if_stopping(job)
        if self.cancellations.leaves_out(job, item.target_region, item.resource):
            return cancelled_in_part()
        try:
            outcome = writer.write(item, work)
        except exception.KingbirdError:
            raise
        except Exception:
            # A fault in one item does not end the others.
            LOG.exception("Unexpected error while syncing %s", item.resource)
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
        return self.stopping.is_set() or self.cancellations.is_cancelled(job, ignore_outage=True)

    def _to_rows(
        self, job: db.Job, done: Sequence[tuple[db.Item, Outcome]]
    ) -> list[dict[str, Any]]:
        """Turn outcomes into columns, and remember the ids that can't be used."""
        if done:
            db.tombstones.add(
                job.project_id,
                done[0][0].target_region,
                [pair for _, outcome in done for pair in outcome.unusable],
                self.conf.sync.tombstone_ttl,
            )
        return [
            resource_types.named(item.resource_type).to_outcome(item, outcome)
            for item, outcome in done
        ]
