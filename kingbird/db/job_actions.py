"""What a user asks of a job after it was accepted: to end it, or to try again what failed.

A commit whose answer was lost is run again, so each of these finds out whether it has done its
part already.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import connection, jobs, runs
from kingbird.db.leases import Claim, fence
from kingbird.db.models import RETRY, Item, Job, Task, utcnow
from kingbird.db.outcomes import Ending, end_if_done
from kingbird.db.plans import BATCH, PlanResult
from kingbird.states import ALL, ENDED_JOB_STATES, ItemState, JobState

#: What the planner reads in ``Job.plan_rest`` of a job that is tried again.
RETRY_REST = {"retry": True}

#: Reasons of skipped items whose cause may be gone by now: the id may have been purged.
_RETRYABLE_SKIPS = ("deleted_in_target", "id_taken")


class _NothingToRetry(Exception):
    """Rolls a transaction back."""


@connection.retry_on_disconnect
def cancel(job: Job) -> bool:
    """Ask for the end of a job; engines see to it.  Asking twice does no harm.

    :param job: the row as it was read, which tells the run that is to end.
    :returns: whether that run was in progress.
    """
    with connection.writer() as session:
        return runs.change(
            session,
            runs.of(job),
            Job.status == JobState.IN_PROGRESS,
            cancelled=True,
            updated_at=utcnow(),
        )


@connection.retry_on_disconnect
def filter_cancelled(job_ids: Collection[str]) -> set[str]:
    """Return those of some jobs whose end was asked for."""
    found: set[str] = set()
    with connection.reader() as session:
        for batch in batched(sorted(job_ids), BATCH):
            found.update(
                session.scalars(
                    sa.select(Job.id).where(Job.id.in_(batch), Job.cancelled.is_(True))
                )
            )
    return found


@connection.retry_on_disconnect
def retry(
    job: Job,
    *,
    user_id: str,
    is_admin: bool,
    trust_id: str | None,
    request_id: str | None,
    global_request_id: str | None = None,
) -> int:
    """Set a job that has ended going again, for what failed or was left out, all or nothing.

    :param job: the row as it was read, which tells the run that is to follow.
    :param user_id: who asks; the job goes on with that user's rights.
    :param is_admin: whether Glance will take that user for an admin.
    :param trust_id: the trust that it runs with; without one only the engine that gets the
        user's token by message can claim it.
    :param request_id: names the request, and so tells this run from another user's.
    :param global_request_id: the id that the request came with, if it did with one.
    :returns: how many items are tried again; 0 when there is none, or when the job has not
        ended, and then nothing was changed.
    """
    # Of two who try at the same time one comes first.
    ended = (
        runs.of(job),
        Job.status.in_(ENDED_JOB_STATES),
        Job.plan_parts == job.plan_parts,
    )
    values = {
        "status": ItemState.IN_PROGRESS,
        "user_id": user_id,
        "is_admin": is_admin,
        "trust_id": trust_id,
        "credentials": "trust" if trust_id else "token",
        "request_id": request_id,
        "global_request_id": global_request_id,
        "cancelled": False,
        "runs": Job.runs + 1,
        "attempts": 0,
        "generation": Job.generation + 1,
        "engine_id": None,
        "lease_expires": None,
        "plan_rest": RETRY_REST,
        # What is left to plan counts as one.
        "tasks_open": 1,
        "plan_parts": Job.plan_parts + 1,
        "updated_at": utcnow(),
    }
    try:
        with connection.writer() as session:
            if not runs.change(session, *ended, **values):
                return _already_reopened(session, job, request_id)
            return _reopen(session, job)
    except _NothingToRetry:
        return 0


def _reopen(session: orm.Session, job: Job) -> int:
    """Make a part of their own of the items that are to be tried again."""
    result = session.execute(
        sa.update(Item)
        .where(
            Item.job_pk == job.pk,
            sa.or_(
                Item.status.in_([ItemState.FAILURE, ItemState.CANCELLED]),
                sa.and_(Item.status == ItemState.SKIPPED, Item.reason.in_(_RETRYABLE_SKIPS)),
            ),
        )
        .values(
            part=job.plan_parts,
            status=JobState.IN_PROGRESS,
            action=RETRY,
            reason=None,
            message=None,
            work=sa.null(),
            attempts=Item.attempts + 1,
            updated_at=utcnow(),
        )
        .execution_options(synchronize_session=False)
    )
    count: int = result.rowcount  # type: ignore[attr-defined]
    if not count:
        raise _NothingToRetry
    return count


def _already_reopened(session: orm.Session, job: Job, request_id: str | None) -> int:
    """Return what an earlier run of this very call has reopened, if there was one."""
    query = (
        sa.select(sa.func.count())
        .select_from(Item)
        .join(Job, Job.pk == Item.job_pk)
        .where(
            Job.pk == job.pk,
            Job.runs == job.runs + 1,
            Job.request_id == request_id,
            Item.part == job.plan_parts,
        )
    )
    return session.execute(query).scalar_one()


def _waiting(job_pk: int) -> sa.ColumnElement[bool]:
    return sa.and_(
        Item.job_pk == job_pk, Item.status == ItemState.IN_PROGRESS, Item.action == RETRY
    )


@connection.retry_on_disconnect
def unplanned_items(claim: Claim) -> Sequence[tuple[str, str]]:
    """Return image and target region of the items that have no plan yet, in their order."""
    query = sa.select(Item.resource, Item.target_region).where(_waiting(claim.job.pk))
    with connection.reader() as session:
        return [(row[0], row[1]) for row in session.execute(query.order_by(Item.pk))]


@connection.retry_on_disconnect
def targets_by_image(claim: Claim, regions: Iterable[str]) -> dict[str, frozenset[str]]:
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


def store_retry(claim: Claim, batches: Iterable[Sequence[dict[str, Any]]]) -> None:
    """Store the plan of items that are tried again; what comes along with them is added.

    :param batches: columns of ``Item``, as :func:`kingbird.db.plans.store` takes them.
    :raises kingbird.exception.LeaseLost: another engine plans the job by now.
    """
    for rows in batches:
        for batch in batched(rows, BATCH):
            _store_batch(claim, batch)


@connection.retry_on_disconnect
def _store_batch(claim: Claim, rows: Sequence[dict[str, Any]]) -> None:
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
            elif there[item_id][1:] == (RETRY, ItemState.IN_PROGRESS):
                changed.append({"pk": there[item_id][0], **columns})
        if changed:
            session.execute(sa.update(Item), changed)
        if added:
            session.execute(sa.insert(Item), added)


@connection.retry_on_disconnect
def finish_retry(claim: Claim, ending: PlanResult, compared: Iterable[str] = ()) -> Ending:
    """Let the tasks of a run be claimed.

    :param compared: targets that were compared whole; their images in order are counted anew.
    :returns: what is left of the job; with no task left the job has ended.
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
        return end_if_done(session, claim.job)


def _regions(session: orm.Session, job_pk: int, part: int) -> list[str]:
    query = (
        sa.select(Item.target_region)
        .where(Item.job_pk == job_pk, Item.part == part, Item.status == ItemState.IN_PROGRESS)
        .distinct()
    )
    return sorted(session.scalars(query))
