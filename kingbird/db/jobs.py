"""Jobs as the API sees them: accepted, listed, shown, deleted.

Every call names the project, so that none can reach another project's rows.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from kingbird.db import connection
from kingbird.db.models import Item, Job

#: The row is there, but nobody may claim it: its trust is not made yet.
ACCEPTING = "ACCEPTING"
IN_PROGRESS = "IN_PROGRESS"
SUCCESS = "SUCCESS"
FAILURE = "FAILURE"
SKIPPED = "SKIPPED"
CANCELLED = "CANCELLED"


@connection.transaction
def create(
    *,
    job_id: str,
    project_id: str,
    user_id: str,
    request: list[dict[str, Any]],
    is_admin: bool,
    request_id: str | None,
) -> Job:
    """Store a new job in the state ACCEPTING, which no engine claims and no list shows."""
    with connection.writer() as session:
        job = Job(
            id=job_id,
            project_id=project_id,
            user_id=user_id,
            request=request,
            is_admin=is_admin,
            request_id=request_id,
            status=ACCEPTING,
            credentials="trust",
        )
        session.add(job)
        session.flush()
        return job


@connection.transaction
def accept(job_id: str, *, trust_id: str | None) -> bool:
    """Make a job claimable, in one UPDATE.

    :param trust_id: the trust it runs with; without one only the engine that gets the
        user's token by message can claim it.
    :returns: whether the job was still there to be accepted.
    """
    with connection.writer() as session:
        result = session.execute(
            sa.update(Job)
            .where(Job.id == job_id, Job.status == ACCEPTING)
            .values(
                status=IN_PROGRESS,
                trust_id=trust_id,
                credentials="trust" if trust_id else "token",
            )
            .execution_options(synchronize_session=False)
        )
        return bool(result.rowcount)  # type: ignore[attr-defined]


@connection.transaction
def discard(job_id: str) -> None:
    """Take back a job that nobody has begun to work on."""
    with connection.writer() as session:
        session.execute(sa.delete(Job).where(Job.id == job_id, Job.generation == 0))


@connection.transaction
def get(project_id: str, job_id: str) -> Job | None:
    """Return a project's job, or ``None``."""
    with connection.reader() as session:
        return session.scalars(
            sa.select(Job).where(
                Job.id == job_id, Job.project_id == project_id, Job.status != ACCEPTING
            )
        ).one_or_none()


@connection.transaction
def list_for_project(project_id: str, *, active: bool = False) -> Sequence[Job]:
    """Return a project's jobs, newest first.

    :param active: only those in progress.
    """
    query = (
        sa.select(Job)
        .where(Job.project_id == project_id)
        .order_by(Job.pk.desc())
        .options(sa.orm.defer(Job.request, raiseload=True))
    )
    query = query.where(Job.status == IN_PROGRESS if active else Job.status != ACCEPTING)
    with connection.reader() as session:
        return session.scalars(query).all()


@connection.transaction
def list_items(job: Job) -> Sequence[Item]:
    """Return the items of a job's plan in a stable order; none before it is planned."""
    if job.planned_at is None:
        return []
    query = (
        sa.select(Item)
        .where(Item.job_pk == job.pk)
        .order_by(Item.pk)
        .options(sa.orm.defer(Item.work, raiseload=True))
    )
    with connection.reader() as session:
        return session.scalars(query).all()


@connection.transaction
def delete(project_id: str, job_id: str) -> bool:
    """Delete a project's job that has ended, with its tasks and items.

    :returns: whether there was one; a job in progress is left alone.
    """
    with connection.writer() as session:
        result = session.execute(
            sa.delete(Job).where(
                Job.id == job_id,
                Job.project_id == project_id,
                Job.status.not_in([ACCEPTING, IN_PROGRESS]),
            )
        )
        return bool(result.rowcount)  # type: ignore[attr-defined]
