"""Cancel jobs, and retry the items of jobs that failed.

Each function may run twice if the answer to a commit was lost, and detects that.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird import exception
from kingbird.batching import batched
from kingbird.db import connection, counts, item_rows, pauses, runs, settling, turns
from kingbird.db.clock import utc_now
from kingbird.db.counts import Counts
from kingbird.db.item_ids import item_id
from kingbird.db.leases import Claim
from kingbird.db.models import Item, Job, Task
from kingbird.db.retried_items import RETRY_REST, awaits_retry
from kingbird.states import ALL, ENDED_JOB_STATES, ItemState, JobState

#: Parts of one run that can be cancelled one by one.
MAX_PARTS = 100


class _NothingToRetry(Exception):
    """Roll a transaction back."""


@dataclass(frozen=True)
class Part:
    """A part of a job's items.

    :ivar regions: target regions, or ``None`` for all.
    :ivar resources: images, or ``None`` for all.
    """

    regions: Collection[str] | None = None
    resources: Collection[str] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the part as ``Job.cancelled_parts`` holds it."""
        return {
            name: None if value is None else sorted(value)
            for name, value in (("regions", self.regions), ("resources", self.resources))
        }


@connection.retry_on_disconnect
def cancel(job: Job) -> bool:
    """Mark a job as cancelled, so that engines end it.

    :param job: the row as it was read, which identifies the run.
    :returns: whether that run was in progress.
    """
    with connection.writer() as session:
        # Work of a turn before all others is ended by the next engine that has a slot.
        was_open = runs.change(
            session,
            runs.of(job),
            Job.status == JobState.IN_PROGRESS,
            cancelled=True,
            turn=0,
            # A plan that waits for a region ends at once.
            lease_expires=sa.case((pauses.is_held(), Job.lease_expires), else_=sa.null()),
            updated_at=utc_now(),
        )
        if was_open:
            connection.write(
                session,
                sa.update(Task)
                .where(Task.job_pk == job.pk, Task.done == sa.false())
                .values(
                    turn=0,
                    # Work that pauses ends at once.
                    lease_expires=sa.case(
                        (Task.engine_id.is_not(None), Task.lease_expires), else_=sa.null()
                    ),
                ),
            )
        return was_open


@connection.retry_on_disconnect
def cancel_part(job: Job, part: Part) -> bool:
    """Note that a part of a job is cancelled, so that engines begin none of its items.

    :param job: the row as it was read, which identifies the run.
    :returns: whether that run was in progress.
    :raises kingbird.exception.Conflict: too many parts of it are cancelled already.
    """
    with connection.writer() as session:
        if not runs.change(session, runs.of(job), Job.status == JobState.IN_PROGRESS):
            return False
        parts = session.scalar(sa.select(Job.cancelled_parts).where(Job.pk == job.pk)) or []
        one = part.as_json()
        if one not in parts:
            if len(parts) == MAX_PARTS:
                raise exception.Conflict(
                    f"{MAX_PARTS} parts of the job {job.id} have been cancelled one by one; the "
                    "rest can be cancelled as a whole"
                )
            runs.change(session, runs.of(job), cancelled_parts=[*parts, one], updated_at=utc_now())
        return True


def cancellation(job: Job) -> tuple[bool, list[dict[str, Any]]]:
    """Return whether a job is cancelled, and the parts of it that are."""
    query = sa.select(Job.cancelled, Job.cancelled_parts).where(runs.of(job))
    cancelled, parts = next(iter(connection.rows(query)), (False, None))
    return cancelled, parts or []


def known_resources(job: Job, resources: Collection[str]) -> set[str]:
    """Return those of some images that a job has an item for."""
    ids = [item_id(job.id, one, region) for one in resources for region in job.targets]
    query = sa.select(Item.resource).where(Item.job_pk == job.pk)
    return {resource for (resource,) in connection.rows_in(query, Item.id, ids)}


@connection.retry_on_disconnect
def retry(
    job: Job,
    *,
    user_id: str,
    is_admin: bool,
    trust_id: str | None,
    request_id: str | None,
    global_request_id: str | None = None,
    part: Part | None = None,
) -> int:
    """Retry the items of an ended job that failed, were cancelled or may be retried.

    :param job: the row as it was read, which tells the run that is to follow.
    :param user_id: the user whose rights the run has.
    :param is_admin: whether Glance treats that user as an admin.
    :param trust_id: the run's trust; without a trust only the engine that receives the user's
        token can claim the job.
    :param request_id: the request, which tells this run from another user's.
    :param global_request_id: the global id that the request came with, if any.
    :param part: the part of the job that is retried; all of it without one.
    :returns: the number of items to retry; 0 if there is none or the job has not ended, and then
        nothing is changed.  In a large job their rows follow when the job is planned.
    """
    # Of two retries at the same time one succeeds.
    ended = (
        runs.of(job),
        Job.status.in_(ENDED_JOB_STATES),
        Job.plan_parts == job.plan_parts,
    )
    values = {
        "status": ItemState.IN_PROGRESS,
        "user_id": user_id,
        "is_admin": is_admin,
        "trust_id": trust_id,
        "credentials": "trust" if trust_id else "token",
        "request_id": request_id,
        "global_request_id": global_request_id,
        "cancelled": False,
        "cancelled_parts": sa.null(),
        "runs": Job.runs + 1,
        "attempts": 0,
        "generation": Job.generation + 1,
        "engine_id": None,
        "lease_expires": None,
        "plan_rest": RETRY_REST,
        "away": sa.null(),
        # The planning counts as one task.
        "tasks_open": 1,
        "plan_parts": Job.plan_parts + 1,
        "updated_at": utc_now(),
    }
    try:
        with connection.writer() as session:
            values["turn"] = turns.start(session, job.project_id) + turns.ANY_COST
            if not runs.change(session, *ended, **values):
                return _already_reopened(session, job, request_id)
            return _reopen(session, job, part or Part())
    except _NothingToRetry:
        return 0


def _reopen(session: orm.Session, before: Job, part: Part) -> int:
    """Reopen the items to retry, or tell in the job's row that they will be.

    :returns: how many there are.
    :raises _NothingToRetry: there is none.
    """
    numbers = counts.of_ended(session, before.pk)
    job = session.scalars(
        sa.select(Job)
        .options(orm.defer(Job.request), orm.defer(Job.asked))
        .where(Job.pk == before.pk)
        .execution_options(populate_existing=True)
    ).one()
    if job.reopening is not None:
        # The rows of the run before have not followed yet.
        raise _NothingToRetry
    is_counted = part.resources is None
    # The numbers of the tasks count from now on; those of the runs before are in the sum.
    connection.write(
        session, sa.update(Task).where(Task.job_pk == job.pk).values(counts=sa.null())
    )
    progress = {**part.as_json(), "after": 0, "counted": False}
    if job.ending is None and counts.of_items(numbers).total() <= item_rows.LIMIT:
        _set_counts(session, job, numbers)
        found = settling.reopen_page(session, job, progress)
        if not found:
            raise _NothingToRetry
        return found
    change = _retried(numbers, part) if is_counted else Counts()
    found = counts.gained(change).total() if is_counted else _any_retried(session, job, part)
    if not found:
        raise _NothingToRetry
    _set_counts(
        session,
        job,
        counts.add(numbers, change),
        reopening={**progress, "counted": is_counted},
        settling=job.ending is not None,
    )
    return found


def _set_counts(session: orm.Session, job: Job, numbers: Counts, **values: Any) -> None:
    connection.write(
        session,
        sa.update(Job).where(Job.pk == job.pk).values(counts=counts.dump(numbers), **values),
    )


def _retried(numbers: Counts, part: Part) -> Counts:
    """Return the change of a job's numbers when all items of some regions are retried."""
    chosen: Counts = Counts()
    for (region, status, reason), number in counts.of_items(numbers).items():
        if part.regions is not None and region not in part.regions:
            continue
        if settling.is_retryable(status, reason):
            chosen[region, status, reason] = number
    return counts.moved(chosen, ItemState.IN_PROGRESS, None, counts.NO_DATA_YET)


def _any_retried(session: orm.Session, job: Job, part: Part) -> int:
    """Return 1 if one of some images has an item that is retried, and 0 otherwise."""
    if job.planned_at is None:
        return 1
    ids = [
        item_id(job.id, resource, region)
        for resource in sorted(part.resources or ())
        for region in sorted(job.targets if part.regions is None else part.regions)
    ]
    for batch in batched(ids, connection.BATCH):
        query = sa.select(Item.status, Item.reason)
        for row in session.execute(query.where(Item.job_pk == job.pk, Item.id.in_(batch))):
            will_end = job.ending is not None and row.status == ItemState.IN_PROGRESS
            if will_end or settling.is_retryable(row.status, row.reason):
                return 1
    return 0


def _already_reopened(session: orm.Session, job: Job, request_id: str | None) -> int:
    """Return how many items the first run of this call reopened, if it did."""
    again = sa.select(Job.reopening).where(
        Job.pk == job.pk, Job.runs == job.runs + 1, Job.request_id == request_id
    )
    row = session.execute(again).one_or_none()
    if row is None or row[0] is not None:
        return int(row is not None)
    some = (
        sa.select(Item.pk)
        .where(Item.job_pk == job.pk, Item.part == job.plan_parts)
        .limit(item_rows.LIMIT)
        .subquery()
    )
    return session.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def unplanned_items(claim: Claim) -> Sequence[tuple[str, str]]:
    """Return image and target region of the retried items that are not planned, in order."""
    waits = awaits_retry(claim.job.pk)
    # An image has an item in many regions.
    one: dict[str, str] = {}
    return [
        (
            one.setdefault(row.resource, row.resource),
            one.setdefault(row.target_region, row.target_region),
        )
        for row in _pages(claim.job.pk, waits)
    ]


def targets_by_image(claim: Claim, regions: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return by image those of some target regions in which it has an item."""
    wanted = Item.target_region.in_(sorted(set(regions)))
    found: dict[str, frozenset[str]] = {}
    # Many images share few sets of regions.
    shared: dict[frozenset[str], frozenset[str]] = {}
    for row in _pages(claim.job.pk, wanted, Item.resource != ALL):
        regions_of = found.get(row.resource, frozenset()) | {row.target_region}
        found[row.resource] = shared.setdefault(regions_of, regions_of)
    return found


def _pages(job_pk: int, *where: sa.ColumnElement[bool]) -> Iterator[sa.Row[Any]]:
    """Yield the items of a job that match, in the order of the plan."""
    after = 0
    while rows := _page(job_pk, after, *where):
        yield from rows
        if len(rows) < item_rows.LIMIT:
            break
        after = rows[-1].pk


def _page(job_pk: int, after: int, *where: sa.ColumnElement[bool]) -> Sequence[Any]:
    query = sa.select(Item.pk, Item.resource, Item.target_region).where(
        Item.job_pk == job_pk, Item.pk > after, *where
    )
    return connection.rows(query.order_by(Item.pk).limit(item_rows.LIMIT))
