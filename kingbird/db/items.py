"""Read the items of a job's plan, for its planner and for its tasks."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection
from kingbird.db.item_ids import item_id
from kingbird.db.leases import Claim
from kingbird.db.models import Item, Job
from kingbird.db.retried_items import awaits_retry, has_plan
from kingbird.states import ItemState


def count_before(job_pk: int, part: int) -> int:
    """Return the number of items that the parts before one have planned."""
    query = sa.select(sa.func.count()).where(
        Item.job_pk == job_pk, Item.part < part, sa.not_(awaits_retry(job_pk))
    )
    return connection.scalar(query)


def planned(job: Job, region: str, resources: Collection[str]) -> Sequence[Item]:
    """Return the items of a job in a region for some images, of all parts."""
    # An index has the ids, and none has the images.
    ids = [item_id(job.id, resource, region) for resource in sorted(resources)]
    query = sa.select(Item).where(Item.job_pk == job.pk)
    query = query.options(orm.defer(Item.work, raiseload=True))
    return [item for (item,) in connection.rows_in(query, Item.id, ids)]


def open_items(claim: Claim, limit: int, after: Item | None = None) -> Sequence[Item]:
    """Return a task's items whose records are to be written, lower ranks first.

    :param limit: the largest number of items.
    :param after: the item after which they begin.
    """
    task = claim.region_task
    query = (
        sa.select(Item)
        .where(
            Item.job_pk == claim.job.pk,
            Item.part == task.part,
            Item.target_region == task.region,
            Item.status == ItemState.IN_PROGRESS,
            has_plan(),
            Item.data_since.is_(None),
        )
        .order_by(Item.rank, Item.pk)
        .limit(limit)
    )
    if after is not None:
        same_rank = sa.and_(Item.rank == after.rank, Item.pk > after.pk)
        query = query.where(sa.or_(Item.rank > after.rank, same_rank))
    return connection.scalars(query)
