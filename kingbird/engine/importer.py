"""Look after the imports of a task's data, in short turns.

Nothing is held between two turns: the task is released with a pause, and any engine takes the next
one.
"""

import dataclasses
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, cast

from oslo_config import cfg

from kingbird import events, exception
from kingbird.clients.glance import GLANCE_DOWNLOAD, ImageClient
from kingbird.db import api as db
from kingbird.engine.cancellations import Cancellations
from kingbird.engine.completion import CANCELLED, end_task, record
from kingbird.engine.credentials import JobCredentials
from kingbird.engine.import_parts import is_coming, parts_of, parts_of_all
from kingbird.engine.import_rows import Step, from_row, to_row, with_state
from kingbird.engine.leases import HeldLease
from kingbird.engine.pools import RegionPools
from kingbird.states import DataState, ItemState, Reason
from kingbird.sync import arrival, imports
from kingbird.sync.arrival import Arrival
from kingbird.sync.image import Image
from kingbird.sync.imports import Ended, Patience, Progress
from kingbird.sync.outcome import Outcome, no_endpoint

LOG = logging.getLogger(__name__)

#: Seconds between two turns: after a change, as a share of the time since the last one, and at
#: most.  An import that has just begun is looked at often, and one that takes long seldom.
FIRST_PAUSE, PAUSE_SHARE, LONGEST_PAUSE = 0.25, 0.5, 60.0
#: Seconds until images are looked at again that wait for those of other jobs, and seconds until a
#: region is asked again that did not answer.
WAITING_PAUSE, AWAY_PAUSE = 5.0, 30.0
#: Images that wait are looked at beside those that are imported, as a multiple of the limit.
AHEAD = 2
#: Milliseconds after which it is noted again that an image that waits was seen.
SEEN_AGAIN = 60_000
#: Seconds for which it is remembered that a region fetches data.
METHODS_TTL = 60.0

ENDS_TOO_SOON = (
    "The job's token ends before Glance may have used it for an import ([sync] "
    "import_token_margin); a retry brings a new one"
)

#: The states of items whose images are not in order.
_FAILED = (ItemState.FAILURE, ItemState.SKIPPED, ItemState.CANCELLED)

#: Items with what is known of them, and their images by id.
Looked = tuple[db.Item, Progress, Image | None, Arrival]


@dataclass(eq=False, repr=False)
class DataImporter:
    """Take the turns of tasks for data."""

    conf: cfg.ConfigOpts
    access: JobCredentials
    pools: RegionPools
    cancellations: Cancellations
    #: Until when a region counts as one that fetches data, by the monotonic clock.
    _enabled: dict[str, float] = field(default_factory=dict, init=False)

    def run(self, held: HeldLease) -> float | None:
        """Take one turn, and end the task or release it with a pause.

        :returns: the pause in seconds, or ``None`` if the task has ended.
        :raises kingbird.exception.LeaseLost: another engine has the task by now.
        :raises kingbird.exception.CredentialsLost: Keystone gives no token for the job.
        :raises kingbird.exception.Unavailable: Keystone or the database is unavailable.
        """
        claim, job = held.claim, held.claim.job
        region = claim.region_task.region
        turn = db.imports.begin_turn(claim, AHEAD * self.conf.sync.imports_per_region)
        if self.cancellations.is_cancelled(job):
            given_up = [(item, imports.cancelled(from_row(item))) for item in turn.running]
            rows = [to_row(item, step) for item, step in given_up]
            end_task(self.access, held, rows, reason=Reason.CANCELLED, message=CANCELLED)
            _tell(given_up)
            return None
        regions = self.access.open_regions(job)
        if region not in regions:
            outcome = no_endpoint(region)
            end_task(self.access, held, reason=outcome.reason, message=cast(str, outcome.message))
            return None
        pause, problem = self._take(held, regions, turn)
        if problem is not None:
            end_task(self.access, held, reason=problem.reason, message=cast(str, problem.message))
            return None
        if not db.imports.is_any_open(claim):
            end_task(self.access, held)
            return None
        held.stop_renewing()
        db.leases.release(claim, delay=pause)
        return pause

    def _take(
        self, held: HeldLease, regions: Mapping[str, ImageClient], turn: db.imports.Turn
    ) -> tuple[float, Outcome | None]:
        """Look at the images of a turn, note what has become of them, and begin imports.

        :returns: the seconds until the next turn, and what ends the task if nothing is imported
            and nothing can be.
        """
        claim = held.claim
        region = claim.region_task.region
        patience = self._patience()
        ones = [(item, from_row(item)) for item in turn.items]
        try:
            found = self._look(claim, regions[region], ones)
        except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
            away = [
                (item, one, imports.unreachable(one, turn.now, patience, error))
                for item, one in ones
            ]
            record(claim, [to_row(item, step) for item, one, step in away if step != one])
            _tell((item, step) for item, _, step in away)
            return AWAY_PAUSE, None
        parts = parts_of_all(claim, ones)
        steps = [self._step(held, regions, each, turn.now, patience, parts) for each in found]
        changed = [
            with_state(to_row(item, step), item, step, image)
            for (item, one, image, _), step in zip(found, steps, strict=True)
            if step != one
        ]
        record(claim, changed)
        _tell((item, step) for (item, *_), step in zip(found, steps, strict=True))
        ready = [
            (item, step, image)
            for (item, _, image, status), step in zip(found, steps, strict=True)
            if isinstance(step, Progress)
            and image is not None
            and imports.may_be_asked(step, image, status, turn.now)
            and not any(is_coming(item, other) for other in parts_of(step, parts).values())
        ]
        asked = 0
        if ready:
            problem = self._problem(claim.job, regions[region])
            is_any_running = any(isinstance(one, Progress) and one.is_importing for one in steps)
            if problem is not None and not is_any_running:
                return 0, problem
            asked = self._ask(held, regions[region], ready, problem, patience, turn.now)
        return (FIRST_PAUSE if changed or asked else _pause(turn)), None

    def _patience(self) -> Patience:
        conf = self.conf.sync
        return Patience(
            timeout=conf.import_timeout,
            slowest=conf.import_slowest,
            retry_delay=conf.import_retry_delay,
            lock_time=conf.import_lock_time,
            converting=frozenset(conf.regions_that_convert),
        )

    # Looks.

    def _look(
        self, claim: db.Claim, images: ImageClient, ones: Sequence[tuple[db.Item, Progress]]
    ) -> list[Looked]:
        """Return what a region shows of the copies: one list call, or two if some are hidden."""
        shown: dict[str, Image] = {}
        for hidden in (False, True):
            ids = [one.image_id for _, one in ones if one.spec.hidden is hidden]
            shown |= self._list(claim, images, ids, hidden=hidden)
        for hidden in (False, True):
            # Somebody may have hidden a copy, or shown it.
            lost = [
                one.image_id
                for _, one in ones
                if one.image_id not in shown and one.spec.hidden is not hidden
            ]
            shown |= self._list(claim, images, lost, hidden=hidden)
        return [
            (
                item,
                one,
                image := shown.get(one.image_id),
                arrival.classify(image, asked=one.is_importing),
            )
            for item, one in ones
        ]

    def _list(
        self, claim: db.Claim, images: ImageClient, ids: Sequence[str], *, hidden: bool
    ) -> dict[str, Image]:
        if not ids:
            return {}
        listed = self._call(
            claim.job, images.region, lambda: images.list_by_ids(ids, hidden=hidden)
        )
        return {image["id"]: image for image in listed}

    def _call(self, job: db.Job, region: str, function: Callable[[], Any]) -> Any:
        """Make a call on a worker of the region, which limits the calls to it."""
        return self.pools.submit_for(job)(region, function).result()

    # The next step of an image.

    def _step(
        self,
        held: HeldLease,
        regions: Mapping[str, ImageClient],
        looked: Looked,
        now: int,
        patience: Patience,
        parts: Mapping[str, db.Item],
    ) -> Step:
        item, one, image, status = looked
        if not one.is_importing:
            for name, other in parts_of(one, parts).items():
                if not is_coming(item, other) and other.status in _FAILED:
                    return imports.after_part(
                        one, name, other.resource, other.reason, other.message
                    )
        if image is not None and status in (Arrival.EARLY_FAILURE, Arrival.LATE_FAILURE):
            lock = image.get(arrival.LOCK)
            if not one.is_importing and lock == one.spec.failed_task:
                # It waits until Glance frees the lock.
                return one
            task = self._task(held.claim.job, regions[one.target], image)
            status = arrival.classify(image, asked=one.is_importing, task=task)
            if status in (Arrival.EARLY_FAILURE, Arrival.LATE_FAILURE):
                source = self._source(held.claim.job, regions, item)
                return imports.after_failure(one, status, now, patience, source=source, task=task)
        step = imports.follow(one, image, status, now, patience)
        if step is one and not one.is_importing and now - one.since > SEEN_AGAIN:
            step = dataclasses.replace(one, since=now)
        return step

    def _task(self, job: db.Job, images: ImageClient, image: Image) -> Mapping[str, Any] | None:
        """Return Glance's task that an image's lock names, or the last one about it."""
        lock = image.get(arrival.LOCK)
        known = {"id": lock} if lock else None
        try:
            tasks = self._call(
                job, images.region, lambda: images.list_import_tasks(str(image["id"]))
            )
        except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
            LOG.info("Unable to read the tasks of image %s: %s", image["id"], error.message)
            return known
        if lock:
            return next((one for one in tasks if one.get("id") == lock), known)
        # Times are in whole seconds.
        return max(reversed(tasks), key=lambda one: str(one.get("created_at")), default=None)

    def _source(
        self, job: db.Job, regions: Mapping[str, ImageClient], item: db.Item
    ) -> Image | exception.KingbirdError | None:
        """Return the source of an image by now, or the error of the look at it."""
        images = regions.get(item.source_region)
        if images is None:
            return exception.RegionUnavailable("It has left the catalog")
        try:
            found = self._call(job, images.region, lambda: images.get(item.resource))
        except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
            return error
        return cast("Image | None", found)

    # New imports.

    def _problem(self, job: db.Job, images: ImageClient) -> Outcome | None:
        """Return why no import can be begun in a region at all, if so."""
        try:
            if not self._is_enabled(job, images):
                message = imports.NOT_ENABLED.format(region=images.region)
                return Outcome(Reason.IMPORT_NOT_ENABLED, message)
        except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
            # The request itself tells.
            LOG.info("Unable to read the methods of %s: %s", images.region, error.message)
        if not self.access.lasts(job, self.conf.sync.import_token_margin):
            return Outcome(Reason.CREDENTIALS_LOST, ENDS_TOO_SOON)
        return None

    def _is_enabled(self, job: db.Job, images: ImageClient) -> bool:
        """Return whether a region fetches data, which is remembered for a while if it does."""
        if time.monotonic() < self._enabled.get(images.region, 0.0):
            return True
        self._enabled.pop(images.region, None)
        if GLANCE_DOWNLOAD not in self._call(job, images.region, images.import_methods):
            return False
        self._enabled[images.region] = time.monotonic() + METHODS_TTL
        return True

    def _ask(
        self,
        held: HeldLease,
        images: ImageClient,
        ready: Sequence[tuple[db.Item, Progress, Image]],
        problem: Outcome | None,
        patience: Patience,
        now: int,
    ) -> int:
        """Ask a region's Glance for as many imports as may run.

        :param problem: why none can be begun; those that wait end with it.
        :returns: the number of items that have changed.
        """
        claim = held.claim
        if problem is not None:
            ended = Ended(problem, DataState.NONE)
            rows = [with_state(to_row(item, ended), item, ended, copy) for item, _, copy in ready]
            record(claim, rows)
            return len(ready)
        limits = db.imports.Limits(
            self.conf.sync.imports_per_region, self.conf.sync.exports_per_region
        )
        by_pk = {item.pk: (one, copy) for item, one, copy in ready}
        granted = db.imports.reserve(claim, [item for item, *_ in ready], limits)
        calls = [(item, self._begin(held, images, item, by_pk[item.pk][0])) for item in granted]
        rows = []
        for item, call in calls:
            one, copy = by_pk[item.pk]
            step: Step
            try:
                step = self._after(item, one, call)
            except exception.RegionUnavailable as error:
                # Glance may have taken the request: the next look tells.
                step = imports.unreachable(one, now, patience, error)
            else:
                if isinstance(step, Progress):
                    step = dataclasses.replace(step, data=DataState.IMPORTING, since=now)
            rows.append(with_state(to_row(item, step), item, step, copy))
        record(claim, rows)
        return len(rows)

    def _begin(
        self, held: HeldLease, images: ImageClient, item: db.Item, one: Progress
    ) -> "futures.Future[None]":
        """Ask Glance for an import, on a worker of the region."""

        def ask() -> None:
            held.check()
            images.import_data(
                one.image_id,
                region=one.source,
                source_id=item.resource,
                interface=self.conf.glance.import_interface,
            )

        return self.pools.submit_for(held.claim.job)(images.region, ask)

    def _after(self, item: db.Item, one: Progress, call: "futures.Future[None]") -> Step:
        """Return what is known of an image after Glance has answered.

        :raises kingbird.exception.RegionUnavailable: it has not.
        """
        try:
            call.result()
        except exception.ImageRequestRejected as error:
            self._enabled.pop(one.target, None)
            return imports.after_refusal(one, error)
        LOG.info("Image %s is imported into %s", item.resource, one.target)
        return imports.after_request(one)


def _tell(steps: Iterable[tuple[db.Item, Step]]) -> None:
    """Tell of imports that have ended."""
    for item, step in steps:
        if not isinstance(step, Ended) or step.data == DataState.NONE:
            continue
        is_there = step.data == DataState.ACTIVE
        if is_there and step.seconds is None:
            # Somebody has uploaded them.
            continue
        reason = Reason.IMPORTED if is_there else step.outcome.reason
        size = (item.bytes or 0) if is_there else 0
        events.emit(events.ImportEnded(item.target_region, reason, size, step.seconds))


def _pause(turn: db.imports.Turn) -> float:
    """Return the seconds until the next turn after one without a change."""
    pauses = [LONGEST_PAUSE]
    if turn.running:
        newest = max(item.data_since or 0 for item in turn.running)
        pauses.append(PAUSE_SHARE * (turn.now - newest) / 1000)
    elif turn.waiting:
        pauses.append(WAITING_PAUSE)
    if turn.next_due is not None:
        pauses.append((turn.next_due - turn.now) / 1000)
    return max(FIRST_PAUSE, min(pauses))
