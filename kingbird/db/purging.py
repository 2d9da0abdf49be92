"""Old jobs, deleted for good."""

import sqlalchemy as sa

from kingbird.db import connection, jobs
from kingbird.db.clock import ago
from kingbird.db.models import Job

_ENDED = Job.status.not_in([jobs.ACCEPTING, jobs.IN_PROGRESS])


@connection.transaction
def purge(older_than_seconds: float, limit: int) -> int:
    """Delete jobs that ended long ago, with their tasks and items, in one transaction.

    :param older_than_seconds: how long ago they changed last, by the database's clock.
    :param limit: at most that many jobs, those first that came first.
    :returns: how many were deleted; 0 when no more are that old.  One that is tried again
        meanwhile stays, so fewer than ``limit`` does not say that.
    """
    is_old = sa.and_(_ENDED, Job.touched_at < ago(older_than_seconds))
    query = sa.select(Job.pk).where(is_old).order_by(Job.pk).limit(limit)
    with connection.writer() as session:
        old = session.scalars(query).all()
        if not old:
            return 0
        # One that is tried again meanwhile stays, though that run may have ended too.
        result = session.execute(
            sa.delete(Job)
            .where(Job.pk.in_(old), is_old)
            .execution_options(synchronize_session=False)
        )
        return int(result.rowcount)  # type: ignore[attr-defined]
