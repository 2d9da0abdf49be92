"""Count waiting work, engines and rules for the metrics, with few and cheap queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection, engines, marks, state_totals
from kingbird.db.clock import now_ms, seconds_ago
from kingbird.db.models import Item, Job, Rule, Task
from kingbird.db.program_models import Engine
from kingbird.states import OPEN_DATA, JobState, RuleState, TaskKind


@dataclass(frozen=True)
class Backlog:
    """Count work that waits.

    :ivar oldest: the age of the oldest work in seconds; 0 if there is none.
    """

    size: int
    oldest: float


@dataclass(frozen=True)
class RegionStats:
    """The images of a region that are not in order.

    :ivar states: their number by state, for each state.
    :ivar oldest: by state, seconds for which the oldest one has been the same; 0 if there is none.
    :ivar compared: seconds since the last complete comparison; ``None`` if there was none.
    :ivar away: seconds for which comparisons can't read the region; 0 if they can.
    """

    states: Mapping[str, int]
    oldest: Mapping[str, float]
    compared: float | None
    away: float


@dataclass(frozen=True)
class Stats:
    """Hold the counts of one query round.

    :ivar open_jobs: jobs in progress.
    :ivar jobs: jobs that wait to be planned.
    :ivar tasks: tasks that wait.
    :ivar imports: images whose data are to arrive, by target region and state of the data.
    :ivar engines: engines that are alive.
    :ivar marks: images that rules have to look at, those of event runs in progress included.
    :ivar rules: the number of rules by state, for each state.
    :ivar regions: by region, the images of all projects.
    """

    open_jobs: int
    jobs: Backlog
    tasks: Backlog
    imports: Mapping[tuple[str, str], Backlog]
    engines: int
    marks: Backlog
    rules: Mapping[str, int]
    regions: Mapping[str, RegionStats]


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
            imports=_imports(session),
            engines=session.execute(
                sa.select(sa.func.count())
                .select_from(Engine)
                .where(engines.alive(heartbeat_timeout))
            ).scalar_one(),
            marks=Backlog(*marks.totals(session)),
            rules=_rules_by_state(session),
            regions=_regions(session, at),
        )


def _imports(session: orm.Session) -> dict[tuple[str, str], Backlog]:
    """Count the data that are to arrive: a region has both states or none."""
    by = (Item.target_region, Item.data)
    query = (
        sa.select(*by, sa.func.count(), sa.func.min(Item.data_since), now_ms())
        .where(Item.data.in_(OPEN_DATA), Item.waits_for_data)
        .group_by(*by)
    )
    found = {
        (region, str(state)): Backlog(number, max(0, now - (since or now)) / 1000)
        for region, state, number, since, now in session.execute(query)
    }
    regions = sorted({region for region, _ in found})
    keys = [(region, str(state)) for region in regions for state in OPEN_DATA]
    return {key: found.get(key, Backlog(0, 0.0)) for key in keys}


def _regions(session: orm.Session, now: datetime) -> dict[str, RegionStats]:
    return {
        region: RegionStats(
            total.states,
            {state: _seconds(now, total.oldest.get(state)) for state in total.states},
            None if total.compared_at is None else _seconds(now, total.compared_at),
            _seconds(now, total.away_since),
        )
        for region, total in sorted(state_totals.collect(session).items())
    }


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
    return Backlog(size, _seconds(now, since))


def _seconds(now: datetime, since: datetime | str | None) -> float:
    return 0.0 if since is None else max((now - _moment(since)).total_seconds(), 0.0)


def engines_alive(heartbeat_timeout: float) -> Sequence[tuple[str, str]]:
    """Return the host and the release of each engine that is alive.

    :param heartbeat_timeout: seconds without a heartbeat after which an engine is dead.
    """
    query = (
        sa.select(Engine.host, Engine.version)
        .where(engines.alive(heartbeat_timeout))
        .order_by(Engine.host, Engine.version)
    )
    return [(host, version) for host, version in connection.rows(query)]


def jobs_with_token() -> int:
    """Return how many jobs in progress run with their user's own token."""
    return _count(Job.credentials == "token")


def jobs_with_expired_trust(lifetime: float) -> int:
    """Return how many jobs in progress have a trust that has certainly expired.

    :param lifetime: seconds that a trust lasts.
    """
    # Jobs that wait for data have a trust of another lifetime.
    waits_for_data = sa.exists().where(
        Task.job_pk == Job.pk, Task.kind == TaskKind.DATA, Task.done == sa.false()
    )
    return _count(
        Job.trust_id.is_not(None), Job.changed_at < seconds_ago(lifetime), ~waits_for_data
    )


def _count(*conditions: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count(Job.pk)).where(Job.status == JobState.IN_PROGRESS, *conditions)
    return connection.scalar(query)
