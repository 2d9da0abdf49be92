"""Outcomes, written in batches; the end of tasks and of jobs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection, jobs, runs
from kingbird.db.leases import Claim, fence
from kingbird.db.models import Item, Job, Task, utcnow
from kingbird.states import ItemState, JobState, Reason


@connection.retry_on_disconnect
def record(claim: Claim, outcomes: Sequence[dict[str, Any]]) -> None:
    """Write the outcomes of some items of a task in one transaction.

    :param outcomes: ``pk`` and the columns that change.  What was to be written is no
        longer needed and goes.
    :raises kingbird.exception.LeaseLost: another engine has the task by now.
    """
    now = utcnow()
    with connection.writer() as session:
        fence(session, claim)
        if outcomes:
            session.execute(
                sa.update(Item),
                [{"updated_at": now, "work": None, **outcome} for outcome in outcomes],
            )


@connection.retry_on_disconnect
def end_task(claim: Claim) -> int:
    """End a task.

    :returns: how many tasks of its job are still open; who reads 0 closes the job.
    :raises kingbird.exception.LeaseLost: another engine has the task by now.
    """
    with connection.writer() as session:
        fence(session, claim)
        session.execute(
            sa.update(Task)
            .where(Task.pk == claim.row.pk)
            .values(done=True, engine_id=None, lease_expires=None, updated_at=utcnow())
            .execution_options(synchronize_session=False)
        )
        session.execute(
            sa.update(Job)
            .where(Job.pk == claim.job.pk)
            .values(tasks_open=Job.tasks_open - 1)
            .execution_options(synchronize_session=False)
        )
        return session.execute(
            sa.select(Job.tasks_open).where(Job.pk == claim.job.pk)
        ).scalar_one()


def count_open(
    session: orm.Session, ended: Counter[str] | None, *where: sa.ColumnElement[bool]
) -> None:
    """Count the items that are about to be ended, by target region.

    :param ended: filled anew; ``None`` if nobody wants to know.
    """
    if ended is None:
        return
    # A commit whose answer was lost is run again.
    ended.clear()
    query = (
        sa.select(Item.target_region, sa.func.count())
        .where(Item.status == ItemState.IN_PROGRESS, *where)
        .group_by(Item.target_region)
    )
    for region, count in session.execute(query):
        ended[region] = count


def _end_open_items(
    session: orm.Session,
    reason: str,
    message: str,
    ended: Counter[str] | None,
    *where: sa.ColumnElement[bool],
) -> None:
    count_open(session, ended, *where)
    session.execute(
        sa.update(Item)
        .where(Item.status == ItemState.IN_PROGRESS, *where)
        .values(
            status=jobs.final_status(reason),
            reason=reason,
            message=message,
            target_resource=None,
            work=sa.null(),
            updated_at=utcnow(),
        )
        .execution_options(synchronize_session=False)
    )


@connection.retry_on_disconnect
def fail_task(
    claim: Claim, reason: str, message: str, *, ended: Counter[str] | None = None
) -> None:
    """Let what is left of a task fail, or be cancelled; ending it is the caller's next step.

    :param reason: what the items get; ``cancelled`` is no failure.
    :param ended: gets the number of these items, by target region.
    :raises kingbird.exception.LeaseLost: another engine has the task by now.
    """
    with connection.writer() as session:
        fence(session, claim)
        _end_open_items(
            session,
            reason,
            message,
            ended,
            Item.job_pk == claim.job.pk,
            Item.part == claim.region_task.part,
            Item.target_region == claim.region_task.region,
        )


@connection.retry_on_disconnect
def close_job(
    job: Job,
    *,
    reason: str = Reason.INTERNAL_ERROR,
    message: str = "",
    ended: Counter[str] | None = None,
) -> str | None:
    """Close a job by what its items say: SUCCESS when none failed, or was cancelled.

    :param job: the row as it was read, which tells the run that ends.
    :param reason: what an item gets that has not ended, which no job should have by now.
    :param ended: gets the number of these items, by target region.
    :returns: the job's state, or ``None`` when that run had been closed before.
    """
    with connection.writer() as session:
        return close(session, job, reason, message, ended)


def close(
    session: orm.Session, job: Job, reason: str, message: str, ended: Counter[str] | None
) -> str | None:
    """Close a job within a transaction, as :func:`close_job` does."""
    # The job's row first: it orders those who close it at the same time.
    if not runs.change(
        session,
        runs.of(job),
        Job.status == JobState.IN_PROGRESS,
        updated_at=utcnow(),
        engine_id=None,
        lease_expires=None,
        # Who plans it still, or is about to, finds its lease lost.
        generation=Job.generation + 1,
        tasks_open=0,
    ):
        return None
    session.execute(
        sa.update(Task)
        .where(Task.job_pk == job.pk, Task.done.is_(False))
        .values(done=True, generation=Task.generation + 1)
        .execution_options(synchronize_session=False)
    )
    _end_open_items(session, reason, message, ended, Item.job_pk == job.pk)
    found = set(session.scalars(sa.select(Item.status).where(Item.job_pk == job.pk).distinct()))
    status = next(
        (one for one in (JobState.CANCELLED, JobState.FAILURE) if one in found), JobState.SUCCESS
    )
    runs.change(session, runs.of(job), status=status, plan_rest=sa.null())
    return status


@connection.retry_on_disconnect
def clear_trust(job: Job) -> None:
    """Note that the trust of a job's run is deleted.

    :param job: the row as it was read, with that trust.
    """
    with connection.writer() as session:
        runs.change(session, runs.of(job), Job.trust_id == job.trust_id, trust_id=None)
