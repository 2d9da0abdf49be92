"""Create, list, show and delete jobs for the API.

Most calls name the project, so that they can't reach another project's rows.
"""

import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exc

from kingbird import exception
from kingbird.db import connection, pagination
from kingbird.db.models import Item, Job
from kingbird.states import ENDED_JOB_STATES, JobState, Reason

#: By target region: how many items there are under ``statuses`` and under ``outcomes``.
RegionCounts = dict[str, dict[str, dict[str, int]]]


def item_id(job_id: str, resource: str, target: str) -> str:
    """Return an item's id, which is the same if its job is planned again.

    :param resource: the image, or ``*`` for all of a region.
    :param target: the target region.
    """
    return str(uuid.uuid5(uuid.UUID(job_id), f"{resource}/{target}"))


def _visible(project_id: str, with_all_projects: bool) -> sa.Select[Job]:
    """Select a project's accepted jobs, and on request those about all projects."""
    query = sa.select(Job).where(Job.project_id == project_id, Job.status != JobState.ACCEPTING)
    return query if with_all_projects else query.where(Job.all_projects == sa.false())


@connection.retry_on_disconnect
def create(
    *,
    job_id: str,
    project_id: str,
    user_id: str,
    request: list[dict[str, Any]],
    is_admin: bool,
    request_id: str | None,
    global_request_id: str | None = None,
    all_projects: bool = False,
) -> Job:
    """Store a new job in the state JobState.ACCEPTING, which no engine claims and no list shows.

    :param job_id: a new UUID.
    :param global_request_id: the global id that the request came with, if any.
    :param all_projects: whether a set is about every project's images.
    :raises kingbird.exception.BadRequest: the database refuses the request's text.
    """
    try:
        with connection.writer() as session:
            job = Job(
                id=job_id,
                project_id=project_id,
                user_id=user_id,
                request=request,
                is_admin=is_admin,
                all_projects=all_projects,
                request_id=request_id,
                global_request_id=global_request_id,
                status=JobState.ACCEPTING,
                credentials="trust",
            )
            session.add(job)
            session.flush()
            return job
    except db_exc.DBDuplicateEntry:
        # The answer to the first run's commit was lost.
        with connection.reader() as session:
            return session.scalars(sa.select(Job).where(Job.id == job_id)).one()
    except Exception as error:
        if not connection.refuses_row(error):
            raise
        raise exception.BadRequest("The database can't store this request") from error


@connection.retry_on_disconnect
def accept(job_id: str, *, trust_id: str | None, is_admin: bool | None = None) -> bool:
    """Make a job claimable, in one UPDATE.

    :param trust_id: the job's trust; without a trust only the engine that receives the user's
        token can claim the job.
    :param is_admin: whether Glance treats the credentials as an admin's; by default unchanged.
    :returns: True if the job is accepted, False if it does not exist any more.
    """
    values: dict[str, Any] = {} if is_admin is None else {"is_admin": is_admin}
    with connection.writer() as session:
        session.execute(
            sa.update(Job)
            .where(Job.id == job_id, Job.status == JobState.ACCEPTING)
            .values(
                status=JobState.IN_PROGRESS,
                trust_id=trust_id,
                credentials="trust" if trust_id else "token",
                **values,
            )
            .execution_options(synchronize_session=False)
        )
        # The first run may have been committed.
        return session.execute(
            sa.select(sa.exists().where(Job.id == job_id, Job.status != JobState.ACCEPTING))
        ).scalar_one()


@connection.retry_on_disconnect
def discard(job_id: str) -> bool:
    """Delete a job unless an engine has claimed it.

    :returns: True if the job is deleted, False if an engine has claimed it.
    """
    with connection.writer() as session:
        session.execute(sa.delete(Job).where(Job.id == job_id, Job.generation == 0))
        return not session.execute(sa.select(sa.exists().where(Job.id == job_id))).scalar_one()


@connection.retry_on_disconnect
def count_active(project_id: str) -> int:
    """Count a project's jobs that have not ended, including those being accepted.

    Jobs of rules do not count.
    """
    query = (
        sa.select(sa.func.count())
        .select_from(Job)
        .where(
            Job.status.in_([JobState.ACCEPTING, JobState.IN_PROGRESS]),
            Job.project_id == project_id,
            Job.rule_id.is_(None),
        )
    )
    with connection.reader() as session:
        return session.execute(query).scalar_one()


@connection.retry_on_disconnect
def get(project_id: str, job_id: str, *, with_all_projects: bool = False) -> Job | None:
    """Return a project's job, or ``None``.

    :param with_all_projects: include jobs about every project's images.
    """
    with connection.reader() as session:
        return session.scalars(
            _visible(project_id, with_all_projects).where(Job.id == job_id)
        ).one_or_none()


@connection.retry_on_disconnect
def list_for_project(
    project_id: str,
    *,
    active: bool = False,
    with_all_projects: bool = False,
    rule_id: str | None = None,
    status: Collection[str] | None = None,
    limit: int | None = None,
    marker: str | None = None,
    after: Job | None = None,
    sort_key: str = "created_at",
    sort_dir: str = "desc",
) -> Sequence[Job]:
    """Return a page of a project's jobs, by default newest first.

    :param active: only those in progress.
    :param rule_id: only those that this rule made.
    :param with_all_projects: include jobs about every project's images.
    :param status: only those in one of these states.
    :param marker: the id of the job that the page comes after.
    :param after: that job itself, instead of its id.
    :param sort_key: one of ``kingbird.db.pagination.JOB_KEYS``.
    :param sort_dir: ``asc`` or ``desc``.
    :raises kingbird.exception.BadRequest: the list has no such marker, or sort key.
    """
    query = _visible(project_id, with_all_projects).options(
        sa.orm.defer(Job.request, raiseload=True), sa.orm.defer(Job.plan_rest, raiseload=True)
    )
    filters = []
    if active:
        filters.append(Job.status == JobState.IN_PROGRESS)
    if rule_id is not None:
        filters.append(Job.rule_id == rule_id)
    if status is not None:
        filters.append(Job.status.in_(sorted(status)))
    with connection.reader() as session:
        return pagination.page(
            session,
            query,
            Job,
            *filters,
            keys=pagination.JOB_KEYS,
            limit=limit,
            marker=marker,
            after=after,
            sort_key=sort_key,
            sort_dir=sort_dir,
        )


@connection.retry_on_disconnect
def list_items(
    job: Job,
    *,
    status: Collection[str] | None = None,
    limit: int | None = None,
    marker: str | None = None,
    after: Item | None = None,
    sort_key: str | None = None,
    sort_dir: str = "asc",
) -> Sequence[Item]:
    """Return a page of the items in the stored parts of a job's plan.

    :param status: only those in one of these states.
    :param marker: the id of the item that the page comes after.
    :param after: that item itself, instead of its id.
    :param sort_key: one of ``kingbird.db.pagination.ITEM_KEYS``; the plan's order without one.
    :param sort_dir: ``asc`` or ``desc``.
    :raises kingbird.exception.BadRequest: the list has no such marker, or sort key.
    """
    if job.planned_at is None:
        return []
    query = (
        sa.select(Item)
        .where(Item.job_pk == job.pk, Item.part < job.plan_parts)
        .options(sa.orm.defer(Item.work, raiseload=True))
    )
    filters = [] if status is None else [Item.status.in_(sorted(status))]
    with connection.reader() as session:
        return pagination.page(
            session,
            query,
            Item,
            *filters,
            keys=pagination.ITEM_KEYS,
            limit=limit,
            marker=marker,
            after=after,
            # An item's number tells its place in the plan.
            sort_key=sort_key or "created_at",
            sort_dir=sort_dir,
        )


@connection.retry_on_disconnect
def outcome_counts(job: Job) -> tuple[dict[str, int], dict[str, int], RegionCounts]:
    """Count a job's items, and images that are in sync and have no item.

    :returns: how many there are by their state, and by their reason; items that have not ended
        have no reason.  The third is both again for each target region.
    """
    query = (
        sa.select(Item.target_region, Item.status, Item.reason, sa.func.count())
        .where(Item.job_pk == job.pk, Item.part < job.plan_parts)
        .group_by(Item.target_region, Item.status, Item.reason)
    )
    found: list[tuple[str, str, str | None, int]] = [
        (region, JobState.SUCCESS, Reason.IN_SYNC, count)
        for region, count in job.in_sync.items()
        if count
    ]
    if job.planned_at is not None:
        with connection.reader() as session:
            found += [(row[0], row[1], row[2], row[3]) for row in session.execute(query)]
    statuses: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    regions: RegionCounts = {}
    for region, status, reason, count in found:
        there = regions.setdefault(region, {"statuses": {}, "outcomes": {}})
        statuses[status] += count
        there["statuses"][status] = there["statuses"].get(status, 0) + count
        if reason:
            outcomes[reason] += count
            there["outcomes"][reason] = there["outcomes"].get(reason, 0) + count
    return dict(statuses), dict(outcomes), regions


@connection.retry_on_disconnect
def delete(project_id: str, job_id: str, *, with_all_projects: bool = False) -> bool:
    """Delete a project's job that has ended, with its tasks and items.

    :param with_all_projects: include jobs about every project's images.
    :returns: True if the job was deleted, False if there is none or it is in progress.
    """
    query = sa.delete(Job).where(
        Job.id == job_id,
        Job.project_id == project_id,
        Job.status.in_(ENDED_JOB_STATES),
    )
    if not with_all_projects:
        query = query.where(Job.all_projects == sa.false())
    with connection.writer() as session:
        return bool(session.execute(query).rowcount)  # type: ignore[attr-defined]
