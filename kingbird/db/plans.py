"""Plans: stored in batches, part by part, and read back by tasks.

No region is written to before the whole plan of a part is stored.  A job has several parts only
when some regions were too slow for the others to wait for them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import connection, jobs
from kingbird.db.leases import Claim, fence
from kingbird.db.models import Item, Job, Task, utcnow
from kingbird.db.outcomes import Ending, end_if_done
from kingbird.states import ItemState

#: Rows in one INSERT.
BATCH = 500


#: What is known when a part's items have all been stored: the images in order that have no
#: item, by region, and what is left for another part.
PlanResult = tuple[Mapping[str, int], Mapping[str, Any] | None]


@connection.retry_on_disconnect
def _begin(claim: Claim) -> None:
    """Delete what an engine that lost its lease on this job left of a part."""
    with connection.writer() as session:
        fence(session, claim)
        for model in (Item, Task):
            session.execute(
                sa.delete(model).where(
                    model.job_pk == claim.job.pk, model.part >= _parts(claim.job.pk)
                )
            )


def _parts(job_pk: int) -> sa.ScalarSelect[int]:
    return sa.select(Job.plan_parts).where(Job.pk == job_pk).scalar_subquery()


@connection.retry_on_disconnect
def _add(claim: Claim, part: int, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Store a batch; an image and region of an earlier part is no item again."""
    now = utcnow()
    this_claim = (part, claim.generation)
    with connection.writer() as session:
        fence(session, claim)
        ids = [jobs.item_id(claim.job.id, one["resource"], one["target_region"]) for one in rows]
        known = _known(session, claim.job.pk, ids)
        fresh = {
            item_id: {
                "job_pk": claim.job.pk,
                "plan_generation": claim.generation,
                "part": part,
                "id": item_id,
                "created_at": now,
                "updated_at": None if row["status"] == ItemState.IN_PROGRESS else now,
                **row,
            }
            for item_id, row in zip(ids, rows, strict=True)
            # A commit whose answer was lost is run again, and meets its own rows.
            if known.get(item_id, this_claim) == this_claim
        }
        for batch in batched((fresh[one] for one in fresh if one not in known), BATCH):
            session.execute(sa.insert(Item), batch)
    return list(fresh.values())


def _known(session: orm.Session, job_pk: int, ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return which of some items are there: part and generation of each."""
    return {
        item_id: (part, generation)
        for batch in batched(ids, BATCH)
        for item_id, part, generation in session.execute(
            sa.select(Item.id, Item.part, Item.plan_generation).where(
                Item.job_pk == job_pk, Item.id.in_(batch)
            )
        )
    }


@connection.retry_on_disconnect
def _finish(claim: Claim, part: int, regions: Iterable[str], ending: PlanResult) -> Ending:
    """Let a part's tasks be claimed, as all of its items are stored."""
    in_sync, rest = ending
    now = utcnow()
    with connection.writer() as session:
        fence(session, claim)
        job = session.get_one(Job, claim.job.pk, populate_existing=True)
        if job.plan_parts == part:
            tasks = [
                Task(job_pk=job.pk, plan_generation=claim.generation, part=part, region=region)
                for region in regions
            ]
            session.add_all(tasks)
            counts = dict(job.in_sync)
            for region, count in in_sync.items():
                counts[region] = counts.get(region, 0) + count
            job.in_sync = counts
            # What was left before was planned by now, and what is left now is counted.
            job.tasks_open += len(tasks) + (rest is not None) - (job.plan_rest is not None)
            job.plan_rest = dict(rest) if rest is not None else None
            job.plan_parts += 1
            job.planned_at = job.planned_at or now
            job.updated_at = now
            if tasks and rest is None:
                # The engine's name stays: a job with a user's token ends with its engine.
                job.lease_expires = None
        return end_if_done(session, claim.job)


def store(
    claim: Claim,
    batches: Iterable[Sequence[dict[str, Any]]],
    *,
    part: int = 0,
    ending: Callable[[], PlanResult] = lambda: ({}, None),
) -> Ending:
    """Store a part of a plan batch by batch; its tasks become claimable with the last one.

    A batch is stored before the next one is asked for.

    :param batches: columns of ``Item``.  An item whose status is IN_PROGRESS is work for its
        region's task, another has ended already.
    :param ending: asked for the rest when there are no more batches.
    :returns: what is left of the job; with no task left the job has ended.
    :raises kingbird.exception.LeaseLost: another engine plans the job by now.
    """
    _begin(claim)
    regions: dict[str, None] = {}
    for rows in batches:
        regions.update(
            (row["target_region"], None)
            for row in _add(claim, part, rows)
            if row["status"] == ItemState.IN_PROGRESS
        )
    return _finish(claim, part, regions, ending())


@connection.retry_on_disconnect
def count_before(job_pk: int, part: int) -> int:
    """Return how many items the parts of a plan have that come before one."""
    query = sa.select(sa.func.count()).where(Item.job_pk == job_pk, Item.part < part)
    with connection.reader() as session:
        return session.execute(query).scalar_one()


@connection.retry_on_disconnect
def planned(job_pk: int, region: str, resources: Collection[str]) -> Sequence[Item]:
    """Return the items that a job has in a region for some images, whichever part they are in."""
    found: list[Item] = []
    with connection.reader() as session:
        for batch in batched(sorted(resources), BATCH):
            query = sa.select(Item).where(
                Item.job_pk == job_pk,
                Item.target_region == region,
                Item.resource.in_(batch),
            )
            found += session.scalars(query.options(orm.defer(Item.work, raiseload=True)))
    return found


@connection.retry_on_disconnect
def open_items(claim: Claim, limit: int, after: Item | None = None) -> Sequence[Item]:
    """Return a task's items that have not ended, lower ranks first.

    :param limit: at most that many.
    :param after: only those that come after this one.
    """
    task = claim.region_task
    query = (
        sa.select(Item)
        .where(
            Item.job_pk == claim.job.pk,
            Item.part == task.part,
            Item.target_region == task.region,
            Item.status == ItemState.IN_PROGRESS,
        )
        .order_by(Item.rank, Item.pk)
        .limit(limit)
    )
    if after is not None:
        later = sa.and_(Item.rank == after.rank, Item.pk > after.pk)
        query = query.where(sa.or_(Item.rank > after.rank, later))
    with connection.reader() as session:
        return session.scalars(query).all()
