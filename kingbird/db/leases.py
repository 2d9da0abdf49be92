"""Claims: one compare-and-swap UPDATE each, by the database's clock (design, section 9).

A lease names an engine, the time it runs out and a generation that grows with each claim.
Every transaction that writes on behalf of a lease begins with :func:`fence`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird import exception
from kingbird.db import connection, runs
from kingbird.db.clock import now_ms
from kingbird.db.models import Job, Task
from kingbird.states import JobState

#: Rows looked at in one attempt to claim; other engines try for the first ones too.
CANDIDATES = 20


@dataclass(frozen=True)
class Claim:
    """What an engine has won.

    :ivar job: the job's row as it was when it was claimed.
    :ivar task: the task's row, or ``None`` when the job was claimed for planning.
    :ivar generation: the number of this claim, which fences its writes.
    """

    job: Job
    task: Task | None
    engine_id: str
    generation: int

    @property
    def region_task(self) -> Task:
        """The task's row.

        :raises ValueError: the job was claimed, for planning.
        """
        if self.task is None:
            raise ValueError("This is the claim of a job")
        return self.task

    @property
    def row(self) -> Job | Task:
        """The row that holds the lease."""
        return self.job if self.task is None else self.task


def _same(row: Job | Task) -> sa.ColumnElement[bool]:
    """Match a row that holds a lease; a task ends with its run, whose end takes its lease."""
    return runs.of(row) if isinstance(row, Job) else Task.pk == row.pk


def _compare_and_swap(
    session: orm.Session, row: Job | Task, engine_id: str, lease: float, **values: Any
) -> bool:
    """Take ``row`` if its generation is still the one that was read."""
    model = type(row)
    result = session.execute(
        sa.update(model)
        .where(_same(row), model.generation == row.generation)
        .where(sa.or_(model.lease_expires.is_(None), model.lease_expires < now_ms()))
        .values(
            engine_id=engine_id,
            lease_expires=now_ms() + int(lease * 1000),
            generation=model.generation + 1,
            attempts=model.attempts + 1,
            **values,
        )
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def _free(model: type[Job] | type[Task]) -> sa.ColumnElement[bool]:
    return sa.or_(model.lease_expires.is_(None), model.lease_expires < now_ms())


#: Jobs whose user's token an engine holds in memory, with the request that it came by: a job
#: that was tried again since then runs with another user's rights.
TokenJobs = Mapping[str, str | None]
NONE_HELD: TokenJobs = MappingProxyType({})


def _runnable(held: TokenJobs) -> sa.ColumnElement[bool]:
    """Jobs that an engine has credentials for."""
    with_token = [
        sa.and_(Job.id == job_id, Job.request_id.is_(None) if by is None else Job.request_id == by)
        for job_id, by in sorted(held.items())
    ]
    return sa.or_(Job.credentials == "trust", *with_token)


@connection.retry_on_disconnect
def claim_job(engine_id: str, lease: float, held: TokenJobs = NONE_HELD) -> Claim | None:
    """Claim a job that waits to be planned, or whose plan has a part left, the oldest first.

    :param lease: seconds.
    :param held: jobs whose user's token this engine holds.
    :returns: the claim, or ``None`` when there is nothing to claim.
    """
    query = (
        sa.select(Job)
        .where(
            Job.status == JobState.IN_PROGRESS,
            sa.or_(Job.planned_at.is_(None), Job.plan_rest.is_not(None)),
        )
        .where(_free(Job), _runnable(held))
        .order_by(Job.pk)
        .limit(CANDIDATES)
    )
    with connection.reader() as session:
        candidates = session.scalars(query).all()
    for job in candidates:
        with connection.writer() as session:
            if _compare_and_swap(session, job, engine_id, lease):
                return Claim(job, None, engine_id, job.generation + 1)
    return None


@connection.retry_on_disconnect
def adopt(engine_id: str, held: TokenJobs) -> None:
    """Note which engine holds the users' tokens of some jobs, where that is not known."""
    with connection.writer() as session:
        session.execute(
            sa.update(Job)
            .where(Job.credentials == "token", Job.engine_id.is_(None), _runnable(held))
            .values(engine_id=engine_id)
            .execution_options(synchronize_session=False)
        )


@connection.retry_on_disconnect
def claim_task(
    engine_id: str,
    lease: float,
    held: TokenJobs = NONE_HELD,
    *,
    excluded_regions: Collection[str] = (),
) -> Claim | None:
    """Claim a task of a planned job, the oldest first; otherwise like :func:`claim_job`.

    :param excluded_regions: regions whose tasks are left to others.
    """
    query = (
        sa.select(Task, Job)
        .join(Job, Job.pk == Task.job_pk)
        .where(Task.done.is_(False), _free(Task))
        .where(Job.status == JobState.IN_PROGRESS, Job.planned_at.is_not(None))
        .where(_runnable(held), Task.region.not_in(sorted(excluded_regions)))
        .order_by(Task.pk)
        .limit(CANDIDATES)
        # Up to a megabyte each, and only who plans a job reads it.
        .options(orm.defer(Job.request, raiseload=True))
    )
    with connection.reader() as session:
        candidates = session.execute(query).all()
    for task, job in candidates:
        with connection.writer() as session:
            if _compare_and_swap(session, task, engine_id, lease):
                return Claim(job, task, engine_id, task.generation + 1)
    return None


def fence(session: orm.Session, claim: Claim, lease: float | None = None) -> None:
    """Begin a writing transaction: hold the lease's row, or give the transaction up.

    :param lease: seconds to renew it for; ``None`` leaves its end where it is.
    :raises kingbird.exception.LeaseLost: the row has another generation by now.
    """
    model: Any = type(claim.row)
    # Setting a column to itself still takes the row's lock.
    # Where planning has ended, the row is still the engine's, but has no lease to renew.
    expires = (
        model.lease_expires
        if lease is None
        else sa.case(
            (model.lease_expires.is_not(None), now_ms() + int(lease * 1000)), else_=sa.null()
        )
    )
    result: Any = session.execute(
        sa.update(model)
        .where(
            _same(claim.row),
            model.generation == claim.generation,
            model.engine_id == claim.engine_id,
        )
        .values(lease_expires=expires)
        .execution_options(synchronize_session=False)
    )
    if not result.rowcount:
        raise exception.LeaseLost(f"The lease on a part of job {claim.job.id} was lost")


@connection.retry_on_disconnect
def renew(claim: Claim, lease: float) -> None:
    """Hold on to a claim for ``lease`` seconds from now.

    One that was handed back meanwhile stays so.

    :raises kingbird.exception.LeaseLost: another engine has it.
    """
    with connection.writer() as session:
        fence(session, claim, lease)


@connection.retry_on_disconnect
def release(claim: Claim, *, count_attempt: bool = False, delay: float = 0) -> None:
    """Hand a claim back, so that any engine can take it.

    :param delay: seconds until then, so that what can't go on now isn't taken again and again.
    :param count_attempt: whether the attempt is to count towards ``[engine] max_attempts``; it
        does not when an engine is merely stopping.
    :raises kingbird.exception.LeaseLost: another engine has it.
    """
    model: Any = type(claim.row)
    values: dict[str, Any] = {
        "lease_expires": now_ms() + int(delay * 1000) if delay else None,
    }
    if claim.task is not None or claim.job.credentials == "trust":
        # A job with a user's token stays with the engine that holds it.
        values["engine_id"] = None
    if not count_attempt:
        values["attempts"] = model.attempts - 1
    with connection.writer() as session:
        fence(session, claim)
        session.execute(
            sa.update(model)
            .where(model.pk == claim.row.pk)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
