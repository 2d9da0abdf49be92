"""Release work that waits for a region that is away, so that nothing is held meanwhile."""

import math
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from kingbird.db import connection
from kingbird.db.clock import now_ms
from kingbird.db.leases import Claim, fence
from kingbird.db.models import Job, Task


def is_held() -> sa.ColumnElement[bool]:
    """Match jobs that an engine plans, or an engine that died, and not those that pause.

    A job with a user's token names its engine while it pauses too.
    """
    return sa.and_(Job.engine_id.is_not(None), Job.claimed_at.is_not(None))


def seconds_away(job: Job) -> dict[str, float]:
    """Return for how long the regions have been away that the rest of a plan waits for.

    :param job: the row as it was claimed.
    :returns: seconds by region.
    """
    if not job.away:
        return {}
    now = int(connection.scalar(sa.select(now_ms())))
    return {region: (now - since) / 1000 for region, since in job.away.items()}


@connection.retry_on_disconnect
def pause_plan(claim: Claim, regions: Collection[str], delay: float, patience: float) -> float:
    """Release a job of whose plan all that is left waits for regions that are away.

    :param regions: these regions.  One that the job has waited for before has been away since.
    :param delay: seconds until the job can be claimed.
    :param patience: seconds for which the plan waits for a region in all.
    :returns: the seconds until the job can be claimed; fewer if the patience ends before.
    :raises kingbird.exception.LeaseLost: another engine plans the job.
    """
    with connection.writer() as session:
        fence(session, claim)
        query = sa.select(Job.away, Job.cancelled, now_ms()).where(Job.pk == claim.job.pk)
        before, is_cancelled, found = session.execute(query).one()
        now = int(found)
        since = {region: (before or {}).get(region, now) for region in sorted(regions)}
        left = min((patience - (now - each) / 1000 for each in since.values()), default=0.0)
        wait = max(0.0, min(delay, left))
        values: dict[str, Any] = {}
        if claim.job.credentials == "trust":
            # A job with a user's token stays with the engine that has the token.
            values["engine_id"] = None
        connection.write(
            session,
            sa.update(Job)
            .where(Job.pk == claim.job.pk)
            .values(
                away=since,
                # A cancelled job does not wait.
                lease_expires=None if is_cancelled else now + math.ceil(wait * 1000),
                claimed_at=None,
                attempts=sa.case((Job.attempts > 0, Job.attempts - 1), else_=0),
                **values,
            ),
        )
        return wait


@connection.retry_on_disconnect
def pause(claim: Claim, delay: float, patience: float) -> float | None:
    """Release a task whose region is away, so that any engine looks at the region later.

    :param delay: seconds until the task can be claimed.
    :param patience: seconds for which the task waits for its region in all.
    :returns: the seconds until the task can be claimed.  ``None`` if the region has been away for
        too long; then the claim is held as before.
    :raises kingbird.exception.LeaseLost: another engine has the task.
    """
    task = claim.region_task
    # A cancelled job does not wait.
    is_cancelled = sa.select(Job.cancelled).where(Job.pk == task.job_pk).scalar_subquery()
    with connection.writer() as session:
        fence(session, claim, away_since=sa.func.coalesce(Task.away_since, now_ms()))
        away = sa.select(now_ms() - Task.away_since).where(Task.pk == task.pk)
        left = patience - int(session.scalars(away).one()) / 1000
        if left <= 0:
            return None
        wait = min(delay, left)
        due = now_ms() + math.ceil(wait * 1000)
        connection.write(
            session,
            sa.update(Task)
            .where(Task.pk == task.pk)
            .values(
                engine_id=None,
                lease_expires=sa.case((is_cancelled == sa.false(), due), else_=sa.null()),
                attempts=sa.case((Task.attempts > 0, Task.attempts - 1), else_=0),
            ),
        )
        return wait
