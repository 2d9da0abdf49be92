"""Claim jobs and tasks with a compare-and-swap UPDATE by the database's clock.

A lease names an engine, the time it runs out and a generation that grows with each claim.
Every transaction that writes on behalf of a lease begins with :func:`fence`.
"""

import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird import exception
from kingbird.db import candidates, connection, runs
from kingbird.db.candidates import NO_TOKENS, Scope, TokenJobs
from kingbird.db.clock import now_ms
from kingbird.db.models import Job, Task
from kingbird.states import TaskKind


@dataclass(frozen=True)
class Claim:
    """Hold the row that an engine has claimed.

    :ivar job: the job's row as it was when it was claimed.
    :ivar task: the task's row, or ``None`` when the job was claimed for planning.
    :ivar generation: the number of the claim, which fences its writes.
    """

    job: Job
    task: Task | None
    engine_id: str
    generation: int

    @property
    def region_task(self) -> Task:
        """The task's row.

        :raises ValueError: the claim is of a job.
        """
        if self.task is None:
            raise ValueError("This is the claim of a job")
        return self.task

    @property
    def row(self) -> Job | Task:
        """The row that has the lease."""
        return self.job if self.task is None else self.task


def _same(row: Job | Task) -> sa.ColumnElement[bool]:
    """Match a row that has a lease.

    No two tasks have the same key and generation, and the end of a run changes the generation of
    its tasks.
    """
    return runs.of(row) if isinstance(row, Job) else Task.pk == row.pk


def _compare_and_swap(
    session: orm.Session,
    row: Job | Task,
    engine_id: str,
    lease: float,
    *,
    after_outage: bool = False,
) -> bool:
    """Claim ``row`` if its generation is still the one that was read."""
    model = type(row)
    was_held = row.engine_id is not None and row.lease_expires is not None
    result = session.execute(
        sa.update(model)
        .where(_same(row), model.generation == row.generation)
        .where(sa.or_(model.lease_expires.is_(None), model.lease_expires < now_ms()))
        .values(
            engine_id=engine_id,
            lease_expires=now_ms() + int(lease * 1000),
            claimed_at=now_ms(),
            generation=model.generation + 1,
            # This claim takes the place of one that ended with the outage.
            attempts=model.attempts + int(not (after_outage and was_held)),
        )
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def _free(model: type[Job] | type[Task]) -> sa.ColumnElement[bool]:
    return sa.or_(model.lease_expires.is_(None), model.lease_expires < now_ms())


@connection.retry_on_disconnect
def claim_job(
    engine_id: str,
    lease: float,
    token_jobs: TokenJobs = NO_TOKENS,
    *,
    excluded_projects: Collection[str] = (),
    cancelled_only: bool = False,
    after_outage: bool = False,
) -> Claim | None:
    """Claim the job whose turn is first, of those that wait to be planned as a whole or in part.

    The attempts of a row are the claims that have recorded nothing, this one included.

    :param lease: seconds.
    :param token_jobs: jobs whose user's token this engine has.
    :param excluded_projects: projects of which nothing is claimed.
    :param cancelled_only: whether to claim nothing but what is cancelled, to end it.
    :param after_outage: whether leases may have expired because the database was unavailable.
        Then the claim that such a lease belonged to does not count as an attempt.
    :returns: the claim, or ``None`` when there is nothing to claim.
    """
    scope = Scope.of(
        token_jobs, excluded_projects=excluded_projects, cancelled_only=cancelled_only
    )

    def take(session: orm.Session, pk: int) -> Claim | None:
        job = session.get_one(Job, pk)
        if not _compare_and_swap(session, job, engine_id, lease, after_outage=after_outage):
            return None
        return Claim(job, None, engine_id, job.generation + 1)

    return _claim_first(Job, scope, engine_id, take)


@connection.retry_on_disconnect
def adopt(engine_id: str, token_jobs: TokenJobs) -> None:
    """Store that an engine has the users' tokens of some jobs, if no engine is known to."""
    with connection.writer() as session:
        session.execute(
            sa.update(Job)
            .where(Job.id.in_(sorted(token_jobs)), Job.credentials == "token")
            .where(Job.engine_id.is_(None), candidates.runnable(token_jobs.items()))
            .values(engine_id=engine_id)
            .execution_options(synchronize_session=False)
        )


@connection.retry_on_disconnect
def claim_task(
    engine_id: str,
    lease: float,
    token_jobs: TokenJobs = NO_TOKENS,
    *,
    excluded_projects: Collection[str] = (),
    excluded_regions: Collection[str] = (),
    resting_regions: Collection[str] = (),
    cancelled_only: bool = False,
    after_outage: bool = False,
) -> Claim | None:
    """Claim the task of a planned job whose turn is first; otherwise like :func:`claim_job`.

    A region's records of one job are written in the order of the plan's parts: images of a later
    part may refer to images of an earlier one.

    :param excluded_regions: regions whose tasks are not claimed.
    :param resting_regions: regions that are away, and whose paused tasks are not claimed.
    """
    scope = Scope.of(
        token_jobs,
        excluded_projects=excluded_projects,
        excluded_regions=excluded_regions,
        resting_regions=resting_regions,
        cancelled_only=cancelled_only,
    )
    # A request has up to a megabyte, and only planners read it.
    both = (
        sa.select(Task, Job)
        .join(Job, Job.pk == Task.job_pk)
        .options(orm.defer(Job.request, raiseload=True))
    )

    def take(session: orm.Session, pk: int) -> Claim | None:
        task, job = session.execute(both.where(Task.pk == pk)).one()
        if not _compare_and_swap(session, task, engine_id, lease, after_outage=after_outage):
            return None
        return Claim(job, task, engine_id, task.generation + 1)

    return _claim_first(Task, scope, engine_id, take)


def _claim_first(
    model: type[Job] | type[Task],
    scope: Scope,
    engine_id: str,
    take: Callable[[orm.Session, int], Claim | None],
) -> Claim | None:
    """Claim the first row that waits and that no other engine is about to claim.

    One transaction claims it.  Engines that look at the same time lock different rows.

    :param take: claims a row that is locked.
    """
    for page in candidates.pages(model, scope):
        claim = _claim_one_of(model, _spread(page, engine_id), take) if page else None
        if claim is not None:
            return claim
    return None


def _spread(rows: Sequence[tuple[int, int]], engine_id: str) -> list[tuple[int, int]]:
    """Return rows in the order in which an engine tries them.

    The first one is everybody's first.  Engines that come too late for it try different ones next,
    so that each finds one soon.
    """
    first, rest = rows[:1], rows[1:]
    begin = zlib.crc32(engine_id.encode()) % len(rest) if rest else 0
    return [*first, *rest[begin:], *rest[:begin]]


def _claim_one_of(
    model: type[Job] | type[Task],
    rows: Sequence[tuple[int, int]],
    take: Callable[[orm.Session, int], Claim | None],
) -> Claim | None:
    """Claim the first of some rows that nobody has locked or changed.

    Each is asked for by itself: MariaDB and MySQL lock every row that a statement reads, not only
    the one that it returns, and other engines would pass by all of them.

    :param rows: keys and generations.
    """
    with connection.writer() as session:
        for pk, generation in rows:
            locked = session.scalar(
                sa.select(model.pk)
                .where(model.pk == pk, model.generation == generation, _free(model))
                .with_for_update(skip_locked=True)
            )
            if locked is not None:
                return take(session, pk)
    return None


def _is_held(claim: Claim) -> sa.ColumnElement[bool]:
    """Match the row of a claim while nobody else has it."""
    model: Any = type(claim.row)
    return sa.and_(
        _same(claim.row),
        model.generation == claim.generation,
        model.engine_id == claim.engine_id,
    )


def _renewed(model: Any, lease: float) -> sa.ColumnElement[int]:
    """Return the end of a lease that is renewed.

    After planning a job with a user's token still names its engine, but has no lease to renew.
    """
    return sa.case(
        (model.lease_expires.is_not(None), now_ms() + int(lease * 1000)), else_=sa.null()
    )


def fence(session: orm.Session, claim: Claim, *, progress: bool = False, **values: Any) -> None:
    """Lock the row of a lease at the start of a transaction, or give the transaction up.

    :param progress: whether the transaction stores what need not be done again.  It sets the
        number of attempts back.
    :param values: further columns of the row to set.
    :raises kingbird.exception.LeaseLost: the row has another generation by now.
    """
    model: Any = type(claim.row)
    result: Any = session.execute(
        sa.update(model)
        .where(_is_held(claim))
        # Items may change under the lease, and readers have to notice.
        .values(revision=model.revision + 1, **({"attempts": 0} if progress else {}), **values)
        .execution_options(synchronize_session=False)
    )
    if not result.rowcount:
        raise exception.LeaseLost(f"The lease on a part of job {claim.job.id} was lost")


class Renewal(NamedTuple):
    """The claims that could not be renewed.

    :ivar lost: another engine has the work, or it has ended.
    :ivar busy: a transaction has the row locked, and works under the lease.
    """

    lost: list[Claim]
    busy: list[Claim]


@connection.retry_on_disconnect
def renew(claims: Collection[Claim], lease: float) -> Renewal:
    """Renew all leases of an engine at once: one UPDATE for its jobs, and one for its tasks.

    It waits for no transaction that writes on behalf of one of them.

    :param lease: seconds from now.
    """
    lost: list[Claim] = []
    busy: list[Claim] = []
    with connection.writer() as session:
        for model in (Job, Task):
            mine = [claim for claim in claims if isinstance(claim.row, model)]
            if not mine:
                continue
            held = sa.select(model.pk).where(sa.or_(*(_is_held(claim) for claim in mine)))
            known = set(session.scalars(held))
            free = set(session.scalars(held.with_for_update(skip_locked=True)))
            if free:
                session.execute(
                    sa.update(model)
                    .where(model.pk.in_(sorted(free)))
                    .values(lease_expires=_renewed(model, lease))
                    .execution_options(synchronize_session=False)
                )
            lost += [claim for claim in mine if claim.row.pk not in known]
            busy += [claim for claim in mine if claim.row.pk in known - free]
    return Renewal(lost, busy)


@connection.retry_on_disconnect
def release(claim: Claim, *, count_attempt: bool = False, delay: float = 0) -> None:
    """Release a claim, so that any engine can claim the work.

    :param delay: seconds until the work can be claimed.
    :param count_attempt: whether the attempt counts towards ``[engine] max_attempts``.
    :raises kingbird.exception.LeaseLost: another engine has it.
    """
    model: Any = type(claim.row)
    values: dict[str, Any] = {
        "lease_expires": now_ms() + int(delay * 1000) if delay else None,
    }
    if claim.task is not None or claim.job.credentials == "trust":
        # A job with a user's token stays with the engine that has the token.
        values["engine_id"] = None
    if claim.task is not None and claim.task.kind == TaskKind.DATA:
        # Work that comes again and again is in nobody's way: its turn is when its pause ends.
        values["turn"] = now_ms() + int(delay * 1000)
        if delay:
            # A cancelled job does not wait for that.
            job = sa.select(Job.cancelled).where(Job.pk == claim.task.job_pk)
            values["lease_expires"] = sa.case(
                (job.scalar_subquery() == sa.false(), values["lease_expires"]), else_=sa.null()
            )
    if not count_attempt:
        # A claim that has made progress counts no more.
        values["attempts"] = sa.case((model.attempts > 0, model.attempts - 1), else_=0)
    with connection.writer() as session:
        fence(session, claim)
        session.execute(
            sa.update(model)
            .where(model.pk == claim.row.pk)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
