"""Find the jobs and tasks that an engine may claim, in the order of their turns.

Engines ask for them again and again, mostly in vain, and SQLAlchemy takes longer to build a query
than to execute it.  So each is built once for a scope.
"""

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection
from kingbird.db.clock import now_ms
from kingbird.db.models import Job, Task
from kingbird.states import JobState, TaskKind

#: Rows to choose from in one attempt to claim.  There are more than engines that may be woken by
#: one message, as these choose from the same ones.
CANDIDATES = 64
#: Each further page of rows is so many times as long.
PAGE_FACTOR = 4
#: Queries that are kept.
_KEPT = 64

#: The request that brought each user's token that an engine has, by job id.  A job that was
#: retried since then runs with the rights of another request.
TokenJobs = Mapping[str, str | None]
NO_TOKENS: TokenJobs = MappingProxyType({})


@dataclass(frozen=True)
class Scope:
    """The rows that an engine may claim.

    :ivar token_jobs: jobs whose user's token it has, each with the request that brought it.
    :ivar excluded_projects: projects of which nothing is claimed.
    :ivar excluded_regions: regions whose tasks are not claimed.
    :ivar resting_regions: regions that are away, and whose paused tasks are not claimed.
    :ivar cancelled_only: whether nothing is claimed but what is cancelled, to end it.
    """

    token_jobs: tuple[tuple[str, str | None], ...]
    excluded_projects: tuple[str, ...]
    excluded_regions: tuple[str, ...]
    resting_regions: tuple[str, ...]
    cancelled_only: bool

    @classmethod
    def of(
        cls,
        token_jobs: TokenJobs,
        *,
        excluded_projects: Collection[str],
        excluded_regions: Collection[str] = (),
        resting_regions: Collection[str] = (),
        cancelled_only: bool,
    ) -> "Scope":
        """Make a scope of collections in any order, so that equal ones make the same query."""
        return cls(
            tuple(sorted(token_jobs.items())),
            tuple(sorted(excluded_projects)),
            tuple(sorted(excluded_regions)),
            tuple(sorted(resting_regions)),
            cancelled_only,
        )


def runnable(token_jobs: Iterable[tuple[str, str | None]]) -> sa.ColumnElement[bool]:
    """Match jobs that an engine has credentials for."""
    with_token = [
        sa.and_(Job.id == job_id, Job.request_id.is_(None) if by is None else Job.request_id == by)
        for job_id, by in token_jobs
    ]
    return sa.or_(Job.credentials == "trust", *with_token)


def pages(model: type[Job] | type[Task], scope: Scope) -> Iterator[list[tuple[int, int]]]:
    """Yield the keys and generations of rows that wait, page by page.

    :param model: jobs that wait to be planned, or tasks of planned ones.
    """
    limit, after = CANDIDATES, None
    while True:
        query = _query(model, scope, limit, is_first=after is None)
        with connection.reader() as session:
            found = session.execute(query, after or {}).all()
        yield [(row.pk, row.generation) for row in found if row.is_mine]
        if len(found) < limit:
            return
        after = {"last_turn": found[-1].turn, "last_pk": found[-1].pk}
        limit = min(PAGE_FACTOR * limit, connection.BATCH)


@functools.lru_cache(_KEPT)
def _query(model: type[Job] | type[Task], scope: Scope, limit: int, *, is_first: bool) -> Any:
    """Return the query of a page; its rows tell whether an engine may claim them."""
    waiting, mine = _jobs(scope) if model is Job else _tasks(scope)
    if scope.cancelled_only:
        # Their turn is before all others.
        waiting, mine = [*waiting, model.turn == 0], [*mine, Job.cancelled == sa.true()]
    if not is_first:
        turn: sa.BindParameter[int] = sa.bindparam("last_turn")
        key: sa.BindParameter[int] = sa.bindparam("last_pk")
        same_turn = sa.and_(model.turn == turn, model.pk > key)
        waiting = [*waiting, sa.or_(model.turn > turn, same_turn)]
    # Without a page of its own the database would join all rows before it sorts them.  The
    # expression keeps SQLite from an index by the ends of leases, which has no order of turns.
    is_free = sa.func.coalesce(model.lease_expires, 0) < now_ms()
    page = (
        sa.select(model.pk, model.turn, model.generation)
        .where(*waiting, is_free)
        .order_by(model.turn, model.pk)
        .limit(limit)
        .subquery()
    )
    # Each row is looked up by its key.  A join of this many could read whole tables instead.
    is_mine = sa.select(sa.case((sa.and_(*mine), 1), else_=0)).where(model.pk == page.c.pk)
    is_mine = is_mine.select_from(model)
    if model is Task:
        is_mine = is_mine.join(Job, Job.pk == Task.job_pk)
    query = sa.select(
        page.c.turn, page.c.pk, page.c.generation, is_mine.scalar_subquery().label("is_mine")
    )
    return query.order_by(page.c.turn, page.c.pk)


#: Conditions of rows that wait, by an index; and conditions of those of them that an engine may
#: claim, by the job's row.
_Conditions = tuple[list[sa.ColumnElement[bool]], list[sa.ColumnElement[bool]]]


def _jobs(scope: Scope) -> _Conditions:
    """Return the conditions of jobs that wait to be planned as a whole or in part."""
    waiting = [
        Job.status == JobState.IN_PROGRESS,
        sa.or_(Job.planned_at.is_(None), Job.plan_rest.is_not(None)),
    ]
    others = Job.project_id.not_in(scope.excluded_projects)
    return waiting, [runnable(scope.token_jobs), others]


def _tasks(scope: Scope) -> _Conditions:
    """Return the conditions of tasks of planned jobs."""
    earlier = orm.aliased(Task)
    waits = sa.exists().where(
        earlier.job_pk == Task.job_pk,
        earlier.region == Task.region,
        earlier.part < Task.part,
        earlier.kind == TaskKind.RECORDS,
        # An equation would lead SQLite to the index of all tasks that are open.
        earlier.done != sa.true(),
    )
    waiting = [Task.done == sa.false(), Task.region.not_in(scope.excluded_regions)]
    if scope.resting_regions:
        # A cancelled task, whose turn is before all others, is ended.
        wakes = (Task.region.not_in(scope.resting_regions), Task.away_since.is_(None))
        waiting.append(sa.or_(*wakes, Task.turn == 0))
    mine = [
        Job.status == JobState.IN_PROGRESS,
        Job.planned_at.is_not(None),
        runnable(scope.token_jobs),
        Job.project_id.not_in(scope.excluded_projects),
        ~waits,
    ]
    return waiting, mine
