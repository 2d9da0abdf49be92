"""Claim jobs and tasks with a compare-and-swap UPDATE by the database's clock.

A lease names an engine, the time it runs out and a generation that grows with each claim.
Every transaction that writes on behalf of a lease begins with :func:`fence`.
"""

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird import exception
from kingbird.db import connection, runs
from kingbird.db.clock import now_ms
from kingbird.db.models import Job, Task
from kingbird.states import JobState, TaskKind

#: Rows to choose from in one attempt to claim.  There are more than engines that may be woken by
#: one message, as these choose from the same ones.
CANDIDATES = 64
#: Each further page of rows is so many times as long.
PAGE_FACTOR = 4


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


#: The request that brought each user's token that an engine has, by job id.  A job that was
#: retried since then runs with the rights of another request.
TokenJobs = Mapping[str, str | None]
NO_TOKENS: TokenJobs = MappingProxyType({})


def _runnable(token_jobs: TokenJobs) -> sa.ColumnElement[bool]:
    """Match jobs that an engine has credentials for."""
    with_token = [
        sa.and_(Job.id == job_id, Job.request_id.is_(None) if by is None else Job.request_id == by)
        for job_id, by in sorted(token_jobs.items())
    ]
    return sa.or_(Job.credentials == "trust", *with_token)


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
    waiting = sa.and_(
        Job.status == JobState.IN_PROGRESS,
        sa.or_(Job.planned_at.is_(None), Job.plan_rest.is_not(None)),
    )
    mine = sa.and_(_runnable(token_jobs), Job.project_id.not_in(sorted(excluded_projects)))
    if cancelled_only:
        waiting, mine = _cancelled(Job, waiting, mine)

    def take(session: orm.Session, pk: int) -> Claim | None:
        job = session.get_one(Job, pk)
        if not _compare_and_swap(session, job, engine_id, lease, after_outage=after_outage):
            return None
        return Claim(job, None, engine_id, job.generation + 1)

    return _claim_first(Job, engine_id, waiting, mine, take)


@connection.retry_on_disconnect
def adopt(engine_id: str, token_jobs: TokenJobs) -> None:
    """Store that an engine has the users' tokens of some jobs, if no engine is known to."""
    with connection.writer() as session:
        session.execute(
            sa.update(Job)
            .where(Job.id.in_(sorted(token_jobs)), Job.credentials == "token")
            .where(Job.engine_id.is_(None), _runnable(token_jobs))
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
    earlier = orm.aliased(Task)
    waits = sa.exists().where(
        earlier.job_pk == Task.job_pk,
        earlier.region == Task.region,
        earlier.part < Task.part,
        earlier.kind == TaskKind.RECORDS,
        # An equation would lead SQLite to the index of all tasks that are open.
        earlier.done != sa.true(),
    )
    waiting = sa.and_(Task.done == sa.false(), Task.region.not_in(sorted(excluded_regions)))
    if resting_regions:
        # A cancelled task, whose turn is before all others, is ended.
        wakes = (Task.region.not_in(sorted(resting_regions)), Task.away_since.is_(None))
        waiting = sa.and_(waiting, sa.or_(*wakes, Task.turn == 0))
    mine = sa.and_(
        Job.status == JobState.IN_PROGRESS,
        Job.planned_at.is_not(None),
        _runnable(token_jobs),
        Job.project_id.not_in(sorted(excluded_projects)),
        ~waits,
    )
    if cancelled_only:
        waiting, mine = _cancelled(Task, waiting, mine)
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

    return _claim_first(Task, engine_id, waiting, mine, take)


def _cancelled(
    model: type[Job] | type[Task], waiting: sa.ColumnElement[bool], mine: sa.ColumnElement[bool]
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """Restrict a claim to the work of cancelled jobs, whose turn is before all others."""
    return sa.and_(waiting, model.turn == 0), sa.and_(mine, Job.cancelled == sa.true())


def _claim_first(
    model: type[Job] | type[Task],
    engine_id: str,
    waiting: sa.ColumnElement[bool],
    mine: sa.ColumnElement[bool],
    take: Callable[[orm.Session, int], Claim | None],
) -> Claim | None:
    """Claim the first row that waits and that no other engine is about to claim.

    One transaction claims it.  Engines that look at the same time lock different rows.

    :param waiting: matches rows that wait, by an index.
    :param mine: matches those of them that the engine may claim, by the job's row.
    :param take: claims a row that is locked.
    """
    limit = CANDIDATES
    later: sa.ColumnElement[bool] = sa.true()
    while True:
        # Without a page of its own the database would join all rows before it sorts them.  The
        # expression keeps SQLite from an index by the ends of leases, which has no order of turns.
        is_free = sa.func.coalesce(model.lease_expires, 0) < now_ms()
        page = (
            sa.select(model.pk, model.turn, model.generation)
            .where(waiting, is_free, later)
            .order_by(model.turn, model.pk)
            .limit(limit)
            .subquery()
        )
        # Each row is looked up by its key.  A join of this many could read whole tables instead.
        is_mine = sa.select(sa.case((mine, 1), else_=0)).where(model.pk == page.c.pk)
        is_mine = is_mine.select_from(model)
        if model is Task:
            is_mine = is_mine.join(Job, Job.pk == Task.job_pk)
        query = sa.select(
            page.c.turn, page.c.pk, page.c.generation, is_mine.scalar_subquery().label("is_mine")
        )
        with connection.reader() as session:
            found = session.execute(query.order_by(page.c.turn, page.c.pk)).all()
        candidates = [(pk, generation) for _, pk, generation, is_mine in found if is_mine]
        claim = _claim_one_of(model, _spread(candidates, engine_id), take) if candidates else None
        if claim is not None or len(found) < limit:
            return claim
        turn, key = found[-1][:2]
        later = sa.or_(model.turn > turn, sa.and_(model.turn == turn, model.pk > key))
        limit = min(PAGE_FACTOR * limit, connection.BATCH)


def _spread(candidates: Sequence[tuple[int, int]], engine_id: str) -> list[tuple[int, int]]:
    """Return candidates in the order in which an engine tries them.

    The first one is everybody's first.  Engines that come too late for it try different ones next,
    so that each finds one soon.
    """
    first, rest = candidates[:1], candidates[1:]
    begin = zlib.crc32(engine_id.encode()) % len(rest) if rest else 0
    return [*first, *rest[begin:], *rest[:begin]]


def _claim_one_of(
    model: type[Job] | type[Task],
    candidates: Sequence[tuple[int, int]],
    take: Callable[[orm.Session, int], Claim | None],
) -> Claim | None:
    """Claim the first of some rows that nobody has locked or changed.

    Each is asked for by itself: MariaDB and MySQL lock every row that a statement reads, not only
    the one that it returns, and other engines would pass by all of them.

    :param candidates: keys and generations.
    """
    with connection.writer() as session:
        for pk, generation in candidates:
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
