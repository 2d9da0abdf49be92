"""The plan of a run that tries again what failed: the same rows, planned anew.

``kingbird.db.control.retry`` marks the items; here they get their plan, a batch at a time.  An
engine that takes over goes on with those that have none yet.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import connection, jobs
from kingbird.db.control import RETRY
from kingbird.db.leases import Claim, fence
from kingbird.db.models import Item, Job, Task, utcnow
from kingbird.db.plans import ALL, BATCH, Ending


def _waiting(job_pk: int) -> sa.ColumnElement[bool]:
    return sa.and_(Item.job_pk == job_pk, Item.status == jobs.IN_PROGRESS, Item.action == RETRY)


@connection.transaction
def waiting(claim: Claim) -> Sequence[tuple[str, str]]:
    """Return image and target region of the items that have no plan yet, in their order."""
    query = sa.select(Item.resource, Item.target_region).where(_waiting(claim.job.pk))
    with connection.reader() as session:
        return [(row[0], row[1]) for row in session.execute(query.order_by(Item.pk))]


@connection.transaction
def known(claim: Claim, regions: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return those of some target regions in which an image has an item, by image."""
    query = sa.select(Item.resource, Item.target_region).where(
        Item.job_pk == claim.job.pk,
        Item.target_region.in_(sorted(set(regions))),
        Item.resource != ALL,
    )
    found: dict[str, frozenset[str]] = {}
    # Images are many, but few the sets of regions.
    shared: dict[frozenset[str], frozenset[str]] = {}
    with connection.reader() as session:
        for resource, region in session.execute(query):
            regions_of = found.get(resource, frozenset()) | {region}
            found[resource] = shared.setdefault(regions_of, regions_of)
    return found


def store(claim: Claim, batches: Iterable[Sequence[dict[str, Any]]]) -> None:
    """Store the plan of items that are tried again; what comes along with them is added.

    :param batches: columns of ``Item``, as :func:`kingbird.db.plans.store` takes them.
    :raises kingbird.exception.LeaseLost: another engine plans the job by now.
    """
    for rows in batches:
        for batch in batched(rows, BATCH):
            _put(claim, batch)


@connection.transaction
def _put(claim: Claim, rows: Sequence[dict[str, Any]]) -> None:
    now = utcnow()
    by_id = {
        jobs.item_id(claim.job.id, row["resource"], row["target_region"]): row for row in rows
    }
    with connection.writer() as session:
        fence(session, claim)
        part = session.get_one(Job, claim.job.pk, populate_existing=True).plan_parts - 1
        there = {
            item_id: (pk, action, status)
            for item_id, pk, action, status in session.execute(
                sa.select(Item.id, Item.pk, Item.action, Item.status).where(
                    Item.job_pk == claim.job.pk, Item.id.in_(sorted(by_id))
                )
            )
        }
        changed, added = [], []
        for item_id, row in by_id.items():
            columns = {"plan_generation": claim.generation, "updated_at": now, **row}
            if item_id not in there:
                added.append(
                    {
                        "job_pk": claim.job.pk,
                        "id": item_id,
                        "part": part,
                        "created_at": now,
                        **columns,
                    }
                )
            elif there[item_id][1:] == (RETRY, jobs.IN_PROGRESS):
                changed.append({"pk": there[item_id][0], **columns})
        if changed:
            session.execute(sa.update(Item), changed)
        if added:
            session.execute(sa.insert(Item), added)


@connection.transaction
def finish(claim: Claim, ending: Ending, compared: Iterable[str] = ()) -> int:
    """Let the tasks of a run be claimed.

    :param compared: targets that were compared whole; their images in order are counted anew.
    :returns: how many tasks of the job are open.  With none, the caller closes the job.
    :raises kingbird.exception.LeaseLost: another engine plans the job by now.
    """
    in_sync, _ = ending
    anew = frozenset(compared)
    with connection.writer() as session:
        fence(session, claim)
        job = session.get_one(Job, claim.job.pk, populate_existing=True)
        if job.plan_rest is not None:
            part = job.plan_parts - 1
            # Of a region that could be listed now there is nothing more to say.
            session.execute(sa.delete(Item).where(_waiting(job.pk), Item.resource == ALL))
            regions = _regions(session, job.pk, part)
            for region in regions:
                session.add(
                    Task(
                        job_pk=job.pk,
                        plan_generation=claim.generation,
                        part=part,
                        region=region,
                    )
                )
            job.in_sync = {
                region: in_sync.get(region, 0) if region in anew else count
                for region, count in {**in_sync, **job.in_sync}.items()
            }
            job.tasks_open += len(regions) - 1
            job.plan_rest = None
            if regions:
                job.lease_expires = None
        return job.tasks_open


def _regions(session: orm.Session, job_pk: int, part: int) -> list[str]:
    query = (
        sa.select(Item.target_region)
        .where(Item.job_pk == job_pk, Item.part == part, Item.status == jobs.IN_PROGRESS)
        .distinct()
    )
    return sorted(session.scalars(query))
