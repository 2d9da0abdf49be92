"""Count waiting work, engines and rules for the metrics, with few and cheap queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection, engines, marks
from kingbird.db.clock import now_ms, seconds_ago
from kingbird.db.models import Engine, Job, Rule, Task
from kingbird.states import JobState, RuleState


@dataclass(frozen=True)
class Backlog:
    """Count work that waits.

    :ivar oldest: the age of the oldest work in seconds; 0 if there is none.
    """

    size: int
    oldest: float


@dataclass(frozen=True)
class Stats:
    """Hold the counts of one query round.

    :ivar open_jobs: jobs in progress.
    :ivar jobs: jobs that wait to be planned.
    :ivar tasks: tasks that wait.
    :ivar engines: engines that are alive.
    :ivar marks: images that rules have to look at, those of event runs in progress included.
    :ivar rules: the number of rules by state, for each state.
    """

    open_jobs: int
    jobs: Backlog
    tasks: Backlog
    engines: int
    marks: Backlog
    rules: Mapping[str, int]


@connection.retry_on_disconnect
def collect(heartbeat_timeout: float) -> Stats:
    """Count waiting work, engines and rules.

    :param heartbeat_timeout: seconds without a heartbeat after which an engine is dead.
    :raises kingbird.exception.Unavailable: the database is unavailable.
    """
    now = sa.select(now_ms(), seconds_ago(0))
    in_progress = Job.status == JobState.IN_PROGRESS
    jobs_waiting = sa.select(sa.func.count(), sa.func.min(Job.changed_at)).where(
        in_progress,
        sa.or_(Job.planned_at.is_(None), Job.plan_rest.is_not(None)),
        sa.or_(Job.lease_expires.is_(None), Job.lease_expires < now_ms()),
    )
    tasks_waiting = (
        sa.select(sa.func.count(), sa.func.min(Task.created_at))
        .join(Job, Job.pk == Task.job_pk)
        .where(
            Task.done == sa.false(),
            sa.or_(Task.lease_expires.is_(None), Task.lease_expires < now_ms()),
            in_progress,
        )
    )
    with connection.reader() as session:
        at = _moment(session.execute(now).one()[1])
        return Stats(
            open_jobs=session.execute(
                sa.select(sa.func.count()).select_from(Job).where(in_progress)
            ).scalar_one(),
            jobs=_queue(at, *session.execute(jobs_waiting).one()),
            tasks=_queue(at, *session.execute(tasks_waiting).one()),
            engines=session.execute(
                sa.select(sa.func.count())
                .select_from(Engine)
                .where(engines.alive(heartbeat_timeout))
            ).scalar_one(),
            marks=Backlog(*marks.totals(session)),
            rules=_rules_by_state(session),
        )


def _rules_by_state(session: orm.Session) -> dict[str, int]:
    state = sa.case((Rule.enabled == sa.true(), Rule.state), else_=RuleState.DISABLED)
    rules = {str(each): 0 for each in RuleState}
    for each, number in session.execute(sa.select(state, sa.func.count()).group_by(state)):
        rules[each] = number
    return rules


def _moment(value: datetime | str) -> datetime:
    # SQLite has no type for dates and returns text.
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _queue(now: datetime, size: int, since: datetime | str | None) -> Backlog:
    if since is None:
        return Backlog(size, 0.0)
    return Backlog(size, max((now - _moment(since)).total_seconds(), 0.0))


@connection.retry_on_disconnect
def engines_alive(heartbeat_timeout: float) -> Sequence[tuple[str, str]]:
    """Return the host and the release of each engine that is alive.

    :param heartbeat_timeout: seconds without a heartbeat after which an engine is dead.
    """
    query = (
        sa.select(Engine.host, Engine.version)
        .where(engines.alive(heartbeat_timeout))
        .order_by(Engine.host, Engine.version)
    )
    with connection.reader() as session:
        return [(host, version) for host, version in session.execute(query)]


@connection.retry_on_disconnect
def jobs_with_token() -> int:
    """Return how many jobs in progress run with their user's own token."""
    return _count(Job.credentials == "token")


@connection.retry_on_disconnect
def jobs_with_expired_trust(lifetime: float) -> int:
    """Return how many jobs in progress have a trust that has certainly expired.

    :param lifetime: seconds that a trust lasts.
    """
    return _count(Job.trust_id.is_not(None), Job.changed_at < seconds_ago(lifetime))


def _count(*conditions: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count(Job.pk)).where(Job.status == JobState.IN_PROGRESS, *conditions)
    with connection.reader() as session:
        return session.scalar(query) or 0
