"""Cancel jobs, and retry the items of jobs that failed.

Each function may run twice if the answer to a commit was lost, and detects that.
"""

from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import connection, runs
from kingbird.db.clock import utc_now
from kingbird.db.leases import Claim
from kingbird.db.models import RETRY, Item, Job
from kingbird.db.plans import RETRY_REST, awaits_retry
from kingbird.states import ALL, ENDED_JOB_STATES, ItemState, JobState

#: Reasons of skipped items that may be retried, as Glance may have purged the id.
_RETRYABLE_SKIPS = ("deleted_in_target", "id_taken")


class _NothingToRetry(Exception):
    """Roll a transaction back."""


@connection.retry_on_disconnect
def cancel(job: Job) -> bool:
    """Mark a job as cancelled, so that engines end it.

    :param job: the row as it was read, which identifies the run.
    :returns: whether that run was in progress.
    """
    with connection.writer() as session:
        return runs.change(
            session,
            runs.of(job),
            Job.status == JobState.IN_PROGRESS,
            cancelled=True,
            updated_at=utc_now(),
        )


@connection.retry_on_disconnect
def filter_cancelled(job_ids: Collection[str]) -> set[str]:
    """Return those of some jobs that are cancelled."""
    found: set[str] = set()
    with connection.reader() as session:
        for batch in batched(sorted(job_ids), connection.BATCH):
            found.update(
                session.scalars(
                    sa.select(Job.id).where(Job.id.in_(batch), Job.cancelled == sa.true())
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
    """Retry the items of an ended job that failed, were cancelled or may be retried.

    :param job: the row as it was read, which tells the run that is to follow.
    :param user_id: the user whose rights the run has.
    :param is_admin: whether Glance treats that user as an admin.
    :param trust_id: the run's trust; without a trust only the engine that receives the user's
        token can claim the job.
    :param request_id: the request, which tells this run from another user's.
    :param global_request_id: the global id that the request came with, if any.
    :returns: the number of items to retry; 0 if there is none or the job has not ended, and then
        nothing is changed.
    """
    # Of two retries at the same time one succeeds.
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
        # The planning counts as one task.
        "tasks_open": 1,
        "plan_parts": Job.plan_parts + 1,
        "updated_at": utc_now(),
    }
    try:
        with connection.writer() as session:
            if not runs.change(session, *ended, **values):
                return _already_reopened(session, job, request_id)
            return _reopen(session, job)
    except _NothingToRetry:
        return 0


def _reopen(session: orm.Session, job: Job) -> int:
    """Move the items to retry to a part of their own."""
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
            updated_at=utc_now(),
        )
        .execution_options(synchronize_session=False)
    )
    count: int = result.rowcount  # type: ignore[attr-defined]
    if not count:
        raise _NothingToRetry
    return count


def _already_reopened(session: orm.Session, job: Job, request_id: str | None) -> int:
    """Return the number of items that the first run of this call reopened, if it did."""
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


@connection.retry_on_disconnect
def unplanned_items(claim: Claim) -> Sequence[tuple[str, str]]:
    """Return image and target region of the retried items that are not planned, in order."""
    query = sa.select(Item.resource, Item.target_region).where(awaits_retry(claim.job.pk))
    with connection.reader() as session:
        return [(row[0], row[1]) for row in session.execute(query.order_by(Item.pk))]


@connection.retry_on_disconnect
def targets_by_image(claim: Claim, regions: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return by image those of some target regions in which it has an item."""
    query = sa.select(Item.resource, Item.target_region).where(
        Item.job_pk == claim.job.pk,
        Item.target_region.in_(sorted(set(regions))),
        Item.resource != ALL,
    )
    found: dict[str, frozenset[str]] = {}
    # Many images share few sets of regions.
    shared: dict[frozenset[str], frozenset[str]] = {}
    with connection.reader() as session:
        for resource, region in session.execute(query):
            regions_of = found.get(resource, frozenset()) | {region}
            found[resource] = shared.setdefault(regions_of, regions_of)
    return found
