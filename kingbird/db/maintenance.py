"""What the reaper looks for: jobs that nobody will end, and trusts left behind."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from kingbird.db import connection, engines
from kingbird.db.clock import seconds_ago
from kingbird.db.models import Engine, Job
from kingbird.states import ENDED_JOB_STATES, JobState


@connection.retry_on_disconnect
def discard_unaccepted(older_than: float) -> None:
    """Delete rows whose API process ended before the job was accepted.

    :param older_than: seconds since the row was made.
    """
    with connection.writer() as session:
        session.execute(
            sa.delete(Job).where(
                Job.status == JobState.ACCEPTING,
                Job.created_at < seconds_ago(older_than),
            )
        )


@connection.retry_on_disconnect
def still_open(job_ids: Collection[str]) -> set[str]:
    """Return those of some jobs that have not ended."""
    query = sa.select(Job.id).where(
        Job.id.in_(sorted(job_ids)), Job.status.not_in(ENDED_JOB_STATES)
    )
    with connection.reader() as session:
        return set(session.scalars(query))


@connection.retry_on_disconnect
def ended_jobs_with_trust() -> Sequence[Job]:
    """Return jobs that have ended and still name a trust."""
    query = sa.select(Job).where(Job.status.in_(ENDED_JOB_STATES), Job.trust_id.is_not(None))
    with connection.reader() as session:
        return session.scalars(query).all()


@connection.retry_on_disconnect
def trusts_in_use(trust_ids: Collection[str]) -> set[str]:
    """Return those of some trusts that a job names."""
    query = sa.select(Job.trust_id).where(Job.trust_id.in_(sorted(trust_ids)))
    with connection.reader() as session:
        return {trust_id for trust_id in session.scalars(query) if trust_id}


@connection.retry_on_disconnect
def token_jobs_of(engine_id: str) -> Sequence[Job]:
    """Return the open jobs whose user's token an engine took."""
    query = sa.select(Job).where(
        Job.status == JobState.IN_PROGRESS, Job.credentials == "token", Job.engine_id == engine_id
    )
    with connection.reader() as session:
        return session.scalars(query).all()


@connection.retry_on_disconnect
def token_jobs_without_engine(wait: float, silence: float) -> Sequence[Job]:
    """Return jobs with a user's token whose engine is gone, or never took them.

    :param wait: seconds that such a job may wait to be claimed.
    :param silence: seconds after which an engine that gave no sign of life is gone.
    """
    alive = sa.exists().where(Engine.id == Job.engine_id, engines.alive(silence))
    query = sa.select(Job).where(
        Job.status == JobState.IN_PROGRESS,
        Job.credentials == "token",
        sa.or_(
            sa.and_(Job.engine_id.is_not(None), ~alive),
            # A job that is tried again waits from then on.
            sa.and_(Job.engine_id.is_(None), Job.changed_at < seconds_ago(wait)),
        ),
    )
    with connection.reader() as session:
        return session.scalars(query).all()


@connection.retry_on_disconnect
def purge(older_than_seconds: float, limit: int) -> int:
    """Delete jobs that ended long ago, with their tasks and items, in one transaction.

    :param older_than_seconds: how long ago they changed last, by the database's clock.
    :param limit: at most that many jobs, those first that came first.
    :returns: how many were deleted; 0 when no more are that old.  One that is tried again
        meanwhile stays, so fewer than ``limit`` does not say that.
    """
    is_old = sa.and_(
        Job.status.in_(ENDED_JOB_STATES), Job.changed_at < seconds_ago(older_than_seconds)
    )
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
