"""Read what a dry run has found, for the job that carries out its plan."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from kingbird.db import connection
from kingbird.db.item_ids import item_id
from kingbird.db.models import Item, Job
from kingbird.states import ALL, ItemState

#: An image and a target region.
Pair = tuple[str, str]


def find(job: Job) -> int | None:
    """Return the primary key of the dry run that a job carries out, or ``None`` if it is gone."""
    query = sa.select(Job.pk).where(Job.id == job.of_id, Job.project_id == job.project_id)
    return connection.scalar(query)


def digests(job: Job, dry_run: int, pairs: Collection[Pair]) -> dict[Pair, str | None]:
    """Return what a dry run has found about some images and regions.

    :param job: the job that carries out the plan.
    :param dry_run: the primary key of the dry run.
    :returns: the digest of each item that there is; ``None`` where the dry run found nothing out.
    """
    ids = [item_id(job.of_id or "", *pair) for pair in pairs]
    query = sa.select(Item.resource, Item.target_region, Item.digest)
    rows = connection.rows_in(query.where(Item.job_pk == dry_run), Item.id, ids)
    return {(resource, region): digest for resource, region, digest in rows}


def planned_items(dry_run: int, after: int) -> Sequence[Item]:
    """Return items of a dry run that it has planned, in order.

    :param after: the primary key of the item that they come after.
    """
    query = (
        sa.select(Item)
        .where(Item.job_pk == dry_run, Item.status == ItemState.PLANNED, Item.pk > after)
        .order_by(Item.pk)
        .limit(connection.BATCH)
        .options(sa.orm.defer(Item.work, raiseload=True))
    )
    return connection.scalars(query)


def known(job: Job, pairs: Collection[Pair]) -> set[Pair]:
    """Return those of some images and regions that a job has items for."""
    ids = [item_id(job.id, *pair) for pair in pairs]
    query = sa.select(Item.resource, Item.target_region).where(Item.job_pk == job.pk)
    return {(resource, region) for resource, region in connection.rows_in(query, Item.id, ids)}


def unknown_regions(job: Job) -> set[str]:
    """Return the regions that a job could not compare."""
    ids = [item_id(job.id, ALL, region) for region in job.targets]
    query = sa.select(Item.target_region).where(
        Item.job_pk == job.pk, Item.id.in_(ids), Item.status != ItemState.IN_PROGRESS
    )
    return set(connection.scalars(query))
