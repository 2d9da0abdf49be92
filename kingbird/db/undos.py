"""Read what a job wrote, for the job that undoes it."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection
from kingbird.db.models import Item, Job
from kingbird.states import JobState


def is_undone(job: Job) -> bool:
    """Return whether a job has been undone, or is being undone.

    One whose undoing failed or was cancelled is not.

    :param job: no dry run, so that jobs that name it undo it.
    """
    query = sa.select(Job.pk).where(
        Job.project_id == job.project_id,
        Job.of_id == job.id,
        Job.status.in_((JobState.ACCEPTING, JobState.IN_PROGRESS, JobState.SUCCESS)),
    )
    return connection.scalar(query.limit(1)) is not None


def written_items(job_pk: int, before: int | None) -> Sequence[Item]:
    """Return items of which a job wrote something, the newest first.

    :param before: the primary key of the item that they come before; ``None`` for the first ones.
    """
    query = (
        sa.select(Item)
        .where(Item.job_pk == job_pk, Item.undo.is_not(None))
        .order_by(Item.pk.desc())
        .limit(connection.BATCH)
        .options(orm.defer(Item.work, raiseload=True))
    )
    if before is not None:
        query = query.where(Item.pk < before)
    return connection.scalars(query)
