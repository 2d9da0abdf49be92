"""End jobs, with the numbers of their items, and note that their trusts are deleted.

Rows are locked in the order job, task, items.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird import exception
from kingbird.db import connection, counts, item_rows, rule_ends, runs, unplanned
from kingbird.db.clock import utc_now
from kingbird.db.counts import Counts
from kingbird.db.item_rows import Progress
from kingbird.db.models import Item, Job, Task
from kingbird.db.outcome_texts import CANCELLED, NOT_WORKED_ON
from kingbird.states import JOB_TRANSITIONS, ItemState, JobState, Reason, predecessors


class Ending(NamedTuple):
    """The result of a transaction that may have ended a job.

    :ivar open_tasks: tasks of the job that are left; the rest of a plan counts as one.
    :ivar state: the state in which the job ended, or ``None`` if this transaction did not end it.
    :ivar reason: why the job was given up as a whole, if it was.
    :ivar items: items that were ended without being worked on, by target region.
    :ivar ended_at: when the job ended, by the database's clock.
    :ivar rule: the change of the state of the job's rule, if there was one.
    :ivar has_more: whether the work has not ended yet, as more items are to end before.
    :ivar left_as: the reason of ``items``, if it is another one than that of the work's end.
    """

    open_tasks: int = 0
    state: JobState | None = None
    reason: str | None = None
    items: Mapping[str, int] = {}
    ended_at: datetime | None = None
    rule: rule_ends.RuleChange | None = None
    has_more: bool = False
    left_as: str | None = None


def end_job(job: Job, reason: str | None = None, message: str = NOT_WORKED_ON) -> Ending:
    """End a job with all that is left of it, whether or not it was planned.

    :param job: the row as it was read.  Nothing happens if that run has ended, or if an engine
        has taken the job or planned a part of it since then.
    :param reason: why the job is given up, which is the reason of items that have not ended.
    """
    left = reason or Reason.INTERNAL_ERROR
    try:
        rest = unplanned.store_rest(job, left, message)
    except exception.LeaseLost:
        return Ending()
    return _end_job(job, reason, left, message, rest)


@connection.retry_on_disconnect
def _end_job(job: Job, reason: str | None, left: str, message: str, rest: Counts) -> Ending:
    with connection.writer() as session:
        if not runs.change(
            session, runs.untouched(job), Job.status == JobState.IN_PROGRESS, updated_at=utc_now()
        ):
            return Ending()
        connection.write(
            session,
            sa.update(Task)
            .where(Task.job_pk == job.pk, Task.done == sa.false())
            .values(done=True, generation=Task.generation + 1),
        )
        change, progress = unplanned.end(session, job, left, message, rest)
        ending = _end(session, job, change, (left, message), progress)
        items = counts.gained(change)
        items.update(ending.items)
        return ending._replace(reason=reason, items=items, left_as=None)


def end_if_done(
    session: orm.Session,
    job: Job,
    left: tuple[str, str] | None = None,
    progress: Progress | None = None,
) -> Ending:
    """End a job within a transaction if no task is left."""
    session.flush()
    open_tasks = session.scalar(sa.select(Job.tasks_open).where(runs.of(job))) or 0
    if open_tasks > 0:
        return Ending(open_tasks)
    return _end(session, job, Counts(), left, progress)


def _end(
    session: orm.Session,
    job: Job,
    change: Counts,
    left: tuple[str, str] | None = None,
    progress: Progress | None = None,
) -> Ending:
    """Set the state in which a job ends: SUCCESS if no item failed or was cancelled.

    :param change: of the numbers of items, which the transaction has not stored.
    :param left: reason and message of items that have not ended; by default they are those of a
        cancelled job.
    :param progress: how far rows have followed that the transaction has told of.
    """
    total, ended, progress = _end_items(session, job, change, left, progress)
    found = {status for _, status, _ in total}
    state = next(
        (each for each in (JobState.CANCELLED, JobState.FAILURE) if each in found),
        JobState.SUCCESS,
    )
    values = _progress(session, job, progress)
    has_ended = runs.change(
        session,
        runs.of(job),
        Job.status.in_(predecessors(JOB_TRANSITIONS, state)),
        status=state,
        updated_at=utc_now(),
        engine_id=None,
        lease_expires=None,
        # An engine that still plans the job finds its lease lost.
        generation=Job.generation + 1,
        plan_rest=sa.null(),
        away=sa.null(),
        tasks_open=0,
        counts=counts.dump(total),
        **values,
    )
    if not has_ended:
        return Ending()
    failed = {str(reason) for _, status, reason in total if status == ItemState.FAILURE}
    changed = rule_ends.note_end(
        session, job, state, failed, left, rows_follow=progress is not None
    )
    ended_at = session.scalar(sa.select(Job.updated_at).where(Job.pk == job.pk))
    return Ending(
        state=state,
        ended_at=ended_at,
        rule=changed,
        items=counts.gained(ended),
        left_as=None if left else Reason.CANCELLED,
    )


def _progress(session: orm.Session, job: Job, progress: Progress | None) -> dict[str, Any]:
    """Return the columns that tell which rows are to follow after the end of a job."""
    values: dict[str, Any] = {}
    if progress is not None:
        values = {"ending": progress, "settling": True}
    if job.runs > 1:
        query = sa.select(Job.ending, Job.reopening).where(Job.pk == job.pk)
        ending, reopening = session.execute(query).one()
        if ending and progress:
            # What is left of an earlier end comes first.
            values["ending"] = {**ending, **progress}
        if reopening and not reopening["counted"]:
            # Items that the run has not taken up stay as they are.
            values["reopening"] = sa.null()
    return values


def _end_items(
    session: orm.Session,
    job: Job,
    change: Counts,
    left: tuple[str, str] | None,
    progress: Progress | None,
) -> tuple[Counts, Counts, Progress | None]:
    """End the items of a job that ends which have not ended.

    :returns: the numbers of all items, the change of what the transaction has told, and how far
        the rows have followed.
    """
    ended = Counts()
    total = counts.kept(session, job.pk, change)
    if total is None:
        total = counts.count(session, Item.job_pk == job.pk)
    if progress is None and not counts.are_final(total):
        is_cancelled = session.scalar(sa.select(Job.cancelled).where(Job.pk == job.pk))
        reason, message = left or (Reason.CANCELLED, CANCELLED)
        if left or is_cancelled:
            ended, progress = item_rows.end_rest(session, job, total, reason, message)
            total = counts.add(total, ended)
        if not counts.are_final(total):
            # An engine of an earlier release has ended items.
            total = counts.count(session, Item.job_pk == job.pk)
    return total, ended, progress


@connection.retry_on_disconnect
def clear_trust(job: Job) -> None:
    """Note that the trust of a job's run is deleted.

    :param job: the row as it was read, with that trust.
    """
    with connection.writer() as session:
        runs.change(session, runs.of(job), Job.trust_id == job.trust_id, trust_id=None)
