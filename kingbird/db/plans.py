"""Plans: stored whole before the first write to any region, and read back by tasks."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from kingbird.batching import batched
from kingbird.db import connection, jobs
from kingbird.db.leases import Claim, fence
from kingbird.db.models import Item, Job, Task, utcnow

#: Rows in one INSERT.
BATCH = 500


@connection.transaction
def _add(claim: Claim, rows: Sequence[dict[str, Any]]) -> None:
    now = utcnow()
    with connection.writer() as session:
        fence(session, claim)
        session.execute(
            sa.insert(Item),
            [
                {
                    "job_pk": claim.job.pk,
                    "plan_generation": claim.generation,
                    "created_at": now,
                    "updated_at": None if row["status"] == jobs.IN_PROGRESS else now,
                    **row,
                }
                for row in rows
            ],
        )


@connection.transaction
def _begin(claim: Claim) -> None:
    """Delete what an engine that lost its lease on this job left of a plan."""
    with connection.writer() as session:
        fence(session, claim)
        for model in (Item, Task):
            session.execute(sa.delete(model).where(model.job_pk == claim.job.pk))


@connection.transaction
def _finish(claim: Claim, regions: Iterable[str]) -> int:
    now = utcnow()
    with connection.writer() as session:
        fence(session, claim)
        tasks = [
            Task(job_pk=claim.job.pk, plan_generation=claim.generation, region=region)
            for region in regions
        ]
        session.add_all(tasks)
        session.execute(
            sa.update(Job)
            .where(Job.pk == claim.job.pk)
            .values(
                planned_at=now,
                updated_at=now,
                tasks_open=len(tasks),
                # The engine's name stays: a job with a user's token ends with its engine.
                lease_expires=None if tasks else Job.lease_expires,
            )
            .execution_options(synchronize_session=False)
        )
    return len(tasks)


def store(claim: Claim, items: Iterable[dict[str, Any]]) -> int:
    """Store a job's plan in batches; its tasks become claimable with the last of them.

    :param items: columns of ``Item``, each image and target region once.  An item whose
        status is IN_PROGRESS is work for its region's task, another has ended already.
    :returns: how many tasks there are.  With none, the caller closes the job.
    :raises kingbird.exception.LeaseLost: another engine plans the job by now.
    """
    _begin(claim)
    regions: dict[str, None] = {}
    for rows in batched(items, BATCH):
        _add(claim, rows)
        regions.update(
            (row["target_region"], None) for row in rows if row["status"] == jobs.IN_PROGRESS
        )
    return _finish(claim, regions)


@connection.transaction
def fail_request(job: Job, reason: str, message: str) -> None:
    """Store a failed item for each image and region that a job never planned names.

    Nothing happens when the job was planned or closed meanwhile.
    """
    now = utcnow()
    pairs = {
        (resource, target): entry["sources"][0]
        for entry in reversed(job.request)
        for resource in entry["resources"]
        for target in entry["targets"]
    }
    with connection.writer() as session:
        unplanned: Any = session.execute(
            sa.update(Job)
            .where(Job.pk == job.pk, Job.planned_at.is_(None), Job.status == jobs.IN_PROGRESS)
            .values(planned_at=now, generation=Job.generation + 1)
            .execution_options(synchronize_session=False)
        )
        if not unplanned.rowcount:
            return
        session.execute(sa.delete(Item).where(Item.job_pk == job.pk))
        rows = [
            {
                "job_pk": job.pk,
                "plan_generation": 0,
                "resource_type": "image",
                "resource": resource,
                "source_region": source,
                "target_region": target,
                "action": "none",
                "status": jobs.FAILURE,
                "reason": reason,
                "message": message,
                "created_at": now,
                "updated_at": now,
            }
            for (resource, target), source in pairs.items()
        ]
        for batch in batched(rows, BATCH):
            session.execute(sa.insert(Item), batch)


@connection.transaction
def open_items(claim: Claim, limit: int) -> Sequence[Item]:
    """Return a task's items that have not ended, lower ranks first.

    :param limit: at most that many.
    """
    query = (
        sa.select(Item)
        .where(
            Item.job_pk == claim.job.pk,
            Item.plan_generation == claim.region_task.plan_generation,
            Item.target_region == claim.region_task.region,
            Item.status == jobs.IN_PROGRESS,
        )
        .order_by(Item.rank, Item.pk)
        .limit(limit)
    )
    with connection.reader() as session:
        return session.scalars(query).all()


@connection.transaction
def outcomes_of(claim: Claim, resources: Collection[str]) -> dict[str, Item]:
    """Return a task's items for some source images, by the image's id."""
    query = sa.select(Item).where(
        Item.job_pk == claim.job.pk,
        Item.plan_generation == claim.region_task.plan_generation,
        Item.target_region == claim.region_task.region,
        Item.resource.in_(sorted(resources)),
    )
    with connection.reader() as session:
        return {item.resource: item for item in session.scalars(query)}
