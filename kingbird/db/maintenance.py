"""Find jobs that no engine can end, and trusts that were not deleted, for the reaper.

The row of a job has its request, which may be megabytes.  So the keys of jobs are read first, and
a row when its job is looked at.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import connection, engines, settling
from kingbird.db.clock import seconds_ago
from kingbird.db.models import Job, Rule
from kingbird.db.program_models import Engine
from kingbird.states import ENDED_JOB_STATES, JobState

#: Keys that one query finds.
LIMIT = 1000
_OVER = (*ENDED_JOB_STATES, JobState.DELETED)
#: Columns that grow with the request of a job, and with its regions.
_LARGE = (Job.request, Job.asked, Job.plan_rest, Job.cancelled_parts, Job.counts, Job.listed)


def discard_unaccepted(older_than: float) -> None:
    """Delete jobs whose API process ended before they were accepted, some in a transaction.

    :param older_than: seconds since the row was made.
    """
    while _discard_unaccepted(older_than) == connection.BATCH:
        pass


@connection.retry_on_disconnect
def _discard_unaccepted(older_than: float) -> int:
    is_old = sa.and_(Job.status == JobState.ACCEPTING, Job.created_at < seconds_ago(older_than))
    query = sa.select(Job.pk).where(is_old).limit(connection.BATCH)
    with connection.writer() as session:
        found = session.scalars(query).all()
        if found:
            connection.write(session, sa.delete(Job).where(Job.pk.in_(found), is_old))
        return len(found)


def still_open(job_ids: Collection[str]) -> set[str]:
    """Return those of some jobs that have not ended."""
    query = sa.select(Job.id).where(Job.status.not_in(_OVER))
    return {job_id for (job_id,) in connection.rows_in(query, Job.id, sorted(job_ids))}


def ended_jobs_with_trust() -> Iterator[Job]:
    """Yield jobs that have ended and still have a trust, without what they were to do."""
    return _jobs(Job.status.in_(_OVER), Job.trust_id.is_not(None), after=Job.trust_id)


def _jobs(
    *where: sa.ColumnElement[bool], after: orm.InstrumentedAttribute[Any], whole: bool = False
) -> Iterator[Job]:
    """Yield jobs, each of which is read when it is needed.

    :param after: the column that sorts them.
    :param whole: read columns that may be large, too.
    """
    left_out = () if whole else [orm.defer(one, raiseload=True) for one in _LARGE]
    last: Any = None
    while True:
        query = sa.select(Job.pk, after.label("place")).where(*where).order_by(after).limit(LIMIT)
        found = connection.rows(query if last is None else query.where(after > last))
        for key, _ in found:
            # Another engine may have handled it meanwhile.
            job = connection.scalar(sa.select(Job).options(*left_out).where(Job.pk == key, *where))
            if job is not None:
                yield job
        if len(found) < LIMIT:
            return
        last = found[-1].place


def trusts_in_use(trust_ids: Collection[str]) -> set[str]:
    """Return those of some trusts that a job or a rule refers to."""
    return {
        trust_id
        for some in batched(sorted(trust_ids), connection.BATCH)
        for trust_id in connection.scalars(
            sa.union(
                *(sa.select(each.trust_id).where(each.trust_id.in_(some)) for each in (Job, Rule))
            )
        )
    }


def token_jobs_of(engine_id: str) -> Iterator[Job]:
    """Yield the open jobs whose user's token an engine has received."""
    return _jobs(
        Job.status == JobState.IN_PROGRESS,
        Job.credentials == "token",
        Job.engine_id == engine_id,
        after=Job.pk,
        whole=True,
    )


def token_jobs_without_engine(wait: float, heartbeat_timeout: float) -> Iterator[Job]:
    """Yield jobs with a user's token whose engine is dead or never received the token.

    :param wait: seconds that such a job may wait to be claimed.
    :param heartbeat_timeout: seconds without a heartbeat after which an engine is dead.
    """
    alive = sa.exists().where(Engine.id == Job.engine_id, engines.alive(heartbeat_timeout))
    return _jobs(
        Job.status == JobState.IN_PROGRESS,
        Job.credentials == "token",
        sa.or_(
            sa.and_(Job.engine_id.is_not(None), ~alive),
            # A retry sets the time of the last change.
            sa.and_(Job.engine_id.is_(None), Job.changed_at < seconds_ago(wait)),
        ),
        after=Job.pk,
        whole=True,
    )


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
