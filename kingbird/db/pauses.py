"""Release work that waits for a region that is away, so that nothing is held meanwhile."""

import math

import sqlalchemy as sa

from kingbird.db import connection
from kingbird.db.clock import now_ms
from kingbird.db.leases import Claim, fence
from kingbird.db.models import Job, Task


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
        session.execute(
            sa.update(Task)
            .where(Task.pk == task.pk)
            .values(
                engine_id=None,
                lease_expires=sa.case((is_cancelled == sa.false(), due), else_=sa.null()),
                attempts=sa.case((Task.attempts > 0, Task.attempts - 1), else_=0),
            )
            .execution_options(synchronize_session=False)
        )
        return wait
