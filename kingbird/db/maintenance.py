"""Find jobs that no engine can end, and trusts that were not deleted, for the reaper."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from kingbird.db import connection, engines, settling
from kingbird.db.clock import seconds_ago
from kingbird.db.models import Job, Rule
from kingbird.db.program_models import Engine
from kingbird.states import ENDED_JOB_STATES, JobState


@connection.retry_on_disconnect
def discard_unaccepted(older_than: float) -> None:
    """Delete jobs whose API process ended before they were accepted.

    :param older_than: seconds since the row was made.
    """
    with connection.writer() as session:
        session.execute(
            sa.delete(Job).where(
                Job.status == JobState.ACCEPTING,
                Job.created_at < seconds_ago(older_than),
            )
        )


def still_open(job_ids: Collection[str]) -> set[str]:
    """Return those of some jobs that have not ended."""
    query = sa.select(Job.id).where(
        Job.id.in_(sorted(job_ids)), Job.status.not_in([*ENDED_JOB_STATES, JobState.DELETED])
    )
    return set(connection.scalars(query))


def ended_jobs_with_trust() -> Sequence[Job]:
    """Return jobs that have ended and still have a trust."""
    over = [*ENDED_JOB_STATES, JobState.DELETED]
    query = sa.select(Job).where(Job.status.in_(over), Job.trust_id.is_not(None))
    return connection.scalars(query)


def trusts_in_use(trust_ids: Collection[str]) -> set[str]:
    """Return those of some trusts that a job or a rule refers to."""
    wanted = sorted(trust_ids)
    query = sa.union(
        *(sa.select(each.trust_id).where(each.trust_id.in_(wanted)) for each in (Job, Rule))
    )
    return {trust_id for trust_id in connection.scalars(query) if trust_id}


def token_jobs_of(engine_id: str) -> Sequence[Job]:
    """Return the open jobs whose user's token an engine has received."""
    query = sa.select(Job).where(
        Job.status == JobState.IN_PROGRESS, Job.credentials == "token", Job.engine_id == engine_id
    )
    return connection.scalars(query)


def token_jobs_without_engine(wait: float, heartbeat_timeout: float) -> Sequence[Job]:
    """Return jobs with a user's token whose engine is dead or never received the token.

    :param wait: seconds that such a job may wait to be claimed.
    :param heartbeat_timeout: seconds without a heartbeat after which an engine is dead.
    """
    alive = sa.exists().where(Engine.id == Job.engine_id, engines.alive(heartbeat_timeout))
    query = sa.select(Job).where(
        Job.status == JobState.IN_PROGRESS,
        Job.credentials == "token",
        sa.or_(
            sa.and_(Job.engine_id.is_not(None), ~alive),
            # A retry sets the time of the last change.
            sa.and_(Job.engine_id.is_(None), Job.changed_at < seconds_ago(wait)),
        ),
    )
    return connection.scalars(query)


def purge(older_than_seconds: float, limit: int) -> int:
    """Delete jobs that ended long ago, with their tasks and items.

    One transaction deletes the jobs for those who look, and others their rows.

    :param older_than_seconds: how long ago they changed last, by the database's clock.
    :param limit: the number of jobs to delete at most, oldest first.
    :returns: the number of deleted jobs; 0 if no more jobs are that old.  A job that is retried
        meanwhile stays, so fewer than ``limit`` may leave old jobs.
    """
    old, number = _purge(older_than_seconds, limit)
    settling.settle_all(old)
    return number


@connection.retry_on_disconnect
def _purge(older_than_seconds: float, limit: int) -> tuple[Sequence[int], int]:
    is_old = sa.and_(
        Job.status.in_(ENDED_JOB_STATES), Job.changed_at < seconds_ago(older_than_seconds)
    )
    query = sa.select(Job.pk).where(is_old).order_by(Job.pk).limit(limit)
    with connection.writer() as session:
        old = session.scalars(query).all()
        if not old:
            return old, 0
        # A retry since the query keeps its job, even if the new run has ended too.
        return old, settling.delete(session, old, is_old)
