"""Let the rows of items follow what the row of their job says, some at a time.

The row of a job says at once that the job has ended, is deleted or runs again, and has the numbers
of its items after that.  The rows of the items follow in transactions that change at most
:data:`kingbird.db.item_rows.LIMIT` items each.  A small job needs no such transaction: all is done
in the one that changes its row.

Each transaction notes in the job's row how far it came, so that any engine can go on from there.
Until the rows have followed, answers show what they will be (``kingbird.db.unsettled``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection, counts, item_rows, unplanned
from kingbird.db.clock import utc_now
from kingbird.db.counts import Counts
from kingbird.db.item_rows import Progress
from kingbird.db.leases import Claim, fence
from kingbird.db.models import RETRY, Item, Job
from kingbird.states import ENDED_JOB_STATES, ItemState, JobState

#: Reasons of skipped items that may be retried, as Glance may have purged the id.
RETRYABLE_SKIPS = ("deleted_in_target", "id_taken")
#: The states of items that may be retried, whatever their reason.
RETRYABLE = (ItemState.FAILURE, ItemState.CANCELLED)


def unsettled() -> Sequence[int]:
    """Return the primary keys of jobs whose rows are to follow."""
    query = sa.select(Job.pk).where(Job.settling == sa.true())
    return connection.scalars(query.order_by(Job.pk).limit(connection.BATCH))


@connection.retry_on_disconnect
def settle(job_pk: int) -> bool:
    """Let some rows of a job follow, in one transaction.

    :returns: whether there may be more.  There is nothing to do either while another engine does
        the same.
    """
    with connection.writer() as session:
        job = session.scalar(
            sa.select(Job)
            .options(orm.defer(Job.request), orm.defer(Job.plan_rest))
            .where(Job.pk == job_pk, Job.settling == sa.true())
            .with_for_update(skip_locked=True)
        )
        if job is None:
            return False
        if job.status == JobState.DELETED:
            return _delete_some(session, job)
        # The planner of the next run reopens its items.
        if job.ending is None and (job.reopening is None or job.status not in ENDED_JOB_STATES):
            item_rows.note(session, job, settling=False)
            return False
        _follow(session, job)
        return True


def settle_all(job_pks: Iterable[int], is_over: Callable[[], bool] = lambda: False) -> None:
    """Let all rows of some jobs follow.

    :param is_over: returns whether to stop between two batches.
    """
    for job_pk in job_pks:
        while not is_over() and settle(job_pk):
            pass


@connection.retry_on_disconnect
def settle_claimed(claim: Claim) -> bool:
    """Let some rows of a job follow before its next run is planned.

    :returns: whether there may be more.
    :raises kingbird.exception.LeaseLost: another engine plans the job.
    """
    with connection.writer() as session:
        fence(session, claim, progress=True)
        job = session.get_one(Job, claim.job.pk, populate_existing=True)
        if job.ending is None and job.reopening is None:
            return False
        _follow(session, job)
        return True


def _follow(session: orm.Session, job: Job) -> None:
    """Let some rows follow, in the order in which the row of the job has changed."""
    ending: Progress = job.ending or {}
    if "plan" in ending:
        unplanned.store_some(session, job, ending)
    elif ending and (job.reopening is None or ending["run"] < job.runs):
        rows, last = item_rows.page(session, job, ending["after"])
        open_rows = [row for row in rows if row.status == ItemState.IN_PROGRESS]
        item_rows.end_rows(session, open_rows, ending["reason"], ending["message"])
        left = {**ending, "after": last} if len(rows) == item_rows.LIMIT else sa.null()
        item_rows.note(session, job, ending=left)
    else:
        reopen_page(session, job, cast(Progress, job.reopening))


def is_retryable(status: str, reason: str | None) -> bool:
    """Return whether the next run of a job takes up items with a status and reason."""
    return status in RETRYABLE or (status == ItemState.SKIPPED and reason in RETRYABLE_SKIPS)


def matches_retryable(
    status: sa.ColumnElement[str], reason: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    """Match what :func:`is_retryable` tells, in a query."""
    return sa.or_(
        status.in_(RETRYABLE),
        sa.and_(status == ItemState.SKIPPED, reason.in_(RETRYABLE_SKIPS)),
    )


def is_in(part: Mapping[str, Any], item: Any) -> bool:
    """Return whether an item is in a part of a job, as its row holds it."""
    return all(
        names is None or value in names
        for names, value in (
            (part["regions"], item.target_region),
            (part["resources"], item.resource),
        )
    )


def matches_part(part: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    """Match what :func:`is_in` tells, in a query of items."""
    return sa.and_(
        sa.true(),
        *(
            column.in_(names)
            for names, column in (
                (part["regions"], Item.target_region),
                (part["resources"], Item.resource),
            )
            if names is not None
        ),
    )


def reopen_page(session: orm.Session, job: Job, progress: Progress) -> int:
    """Move the next items to retry to the part of the plan that is their own.

    :param progress: the part of the job that is retried, and how far its rows have followed.
    :returns: how many were moved.
    """
    rows, last = item_rows.page(session, job, progress["after"])
    chosen = [row for row in rows if is_retryable(row.status, row.reason) and is_in(progress, row)]
    change = _reopen_rows(session, job, chosen)
    values: dict[str, Any] = {}
    if not progress["counted"]:
        values["counts"] = counts.add_to_job(session, job.pk, change)
    left = {**progress, "after": last} if len(rows) == item_rows.LIMIT else sa.null()
    item_rows.note(session, job, reopening=left, **values)
    return len(chosen)


def _reopen_rows(session: orm.Session, job: Job, rows: Sequence[Any]) -> Counts:
    connection.update_rows(
        session,
        Item,
        [row.pk for row in rows],
        part=job.plan_parts - 1,
        status=ItemState.IN_PROGRESS,
        action=RETRY,
        reason=None,
        message=None,
        work=sa.null(),
        attempts=Item.attempts + 1,
        data=sa.null(),
        data_seconds=sa.null(),
        data_since=sa.null(),
        data_due=sa.null(),
        data_tries=0,
        import_task=sa.null(),
        updated_at=utc_now(),
    )
    return counts.moved(
        item_rows.count_rows(rows), ItemState.IN_PROGRESS, None, counts.NO_DATA_YET
    )


def delete(session: orm.Session, pks: Sequence[int], *where: sa.ColumnElement[bool]) -> int:
    """Delete some jobs that have ended, or let their rows be deleted one batch after the other.

    :param pks: their primary keys.
    :param where: what they have to match still.
    :returns: how many did.
    """
    result = connection.write(
        session,
        sa.update(Job)
        .where(Job.pk.in_(pks), *where)
        .values(status=JobState.DELETED, settling=True, revision=Job.revision + 1),
    )
    if not result:
        return 0
    marked = sa.and_(Job.pk.in_(pks), Job.status == JobState.DELETED)
    items = (
        sa.select(Item.pk)
        .join(Job, Job.pk == Item.job_pk)
        .where(marked)
        .limit(item_rows.LIMIT + 1)
    )
    if len(session.execute(items).all()) <= item_rows.LIMIT:
        connection.write(session, sa.delete(Job).where(marked))
    return result


def _delete_some(session: orm.Session, job: Job) -> bool:
    query = sa.select(Item.pk).where(Item.job_pk == job.pk).limit(item_rows.LIMIT)
    pks = session.scalars(query).all()
    connection.delete_rows(session, Item, pks)
    if len(pks) == item_rows.LIMIT:
        return True
    connection.write(session, sa.delete(Job).where(Job.pk == job.pk))
    return False
