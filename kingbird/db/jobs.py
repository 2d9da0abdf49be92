"""Create, list, show and delete jobs for the API.

Most calls name the project, so that they can't reach another project's rows.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Unpack

import sqlalchemy as sa
from oslo_db import exception as db_exc

from kingbird import exception, request_summary
from kingbird.db import connection, counts, pagination, settling, turns, unsettled
from kingbird.db.item_ids import item_id
from kingbird.db.models import Item, Job
from kingbird.states import ENDED_JOB_STATES, HIDDEN_JOB_STATES, ItemState, JobState, Reason

#: Columns that no entry of a plain list shows, and that may be large.
NOT_LISTED = (Job.request, Job.plan_rest, Job.asked, Job.counts)
#: The columns that an item's entry in a list is made of.  Rows of columns take half the time of
#: objects.
ITEM_COLUMNS = (
    Item.pk,
    Item.id,
    Item.resource,
    Item.resource_name,
    Item.resource_type,
    Item.source_region,
    Item.target_region,
    Item.target_resource,
    Item.action,
    Item.status,
    Item.reason,
    Item.message,
    Item.differences,
    Item.attempts,
    Item.created_at,
    Item.updated_at,
    Item.data,
    Item.data_since,
    Item.bytes,
    Item.data_seconds,
    Item.import_task,
)
#: By target region: how many items there are under ``statuses`` and under ``outcomes``.
RegionCounts = dict[str, dict[str, dict[str, int]]]


class Numbers(NamedTuple):
    """The numbers of a job's items, and of images that are in sync and have no item.

    :ivar statuses: by their state.
    :ivar outcomes: by their reason; items that have not ended have none.
    :ivar regions: both again for each target region.
    :ivar data: those of sets that ask for data, by target region and the state of the data.
    :ivar waits_for: regions that are away, and whose items wait until they are back.
    """

    statuses: dict[str, int]
    outcomes: dict[str, int]
    regions: RegionCounts
    data: counts.DataCounts
    waits_for: Collection[str] = ()


def visible(project_id: str | None, *, with_all_projects: bool) -> sa.Select[Job]:
    """Select accepted jobs, and on request those about all projects.

    :param project_id: their project; ``None`` for those of all projects.
    """
    query = sa.select(Job).where(Job.status.not_in(HIDDEN_JOB_STATES))
    if project_id is not None:
        query = query.where(Job.project_id == project_id)
    return query if with_all_projects else query.where(Job.all_projects == sa.false())


def narrower(
    *, rule_id: str | None, status: Collection[str] | None
) -> list[sa.ColumnElement[bool]]:
    """Return the conditions for the jobs of a rule, and for those in some states."""
    filters = []
    if rule_id is not None:
        filters.append(Job.rule_id == rule_id)
    if status is not None:
        filters.append(Job.status.in_(sorted(status)))
    return filters


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
    asked: Sequence[Mapping[str, Any]] | None = None,
    of: str | None = None,
) -> Job:
    """Store a new job in the state JobState.ACCEPTING, which no engine claims and no list shows.

    :param job_id: a new UUID.
    :param global_request_id: the global id that the request came with, if any.
    :param all_projects: whether a set is about every project's images.
    :param asked: the sets as the user asked for them, if ``request`` differs.
    :param of: the id of the dry run that the job carries out.
    :raises kingbird.exception.BadRequest: the database refuses the request's text.
    """
    try:
        with connection.writer() as session:
            job = Job(
                id=job_id,
                project_id=project_id,
                user_id=user_id,
                request=request,
                asked=request_summary.summarize(asked or request),
                of_id=of,
                is_admin=is_admin,
                all_projects=all_projects,
                request_id=request_id,
                global_request_id=global_request_id,
                status=JobState.ACCEPTING,
                credentials="trust",
                # Its cost, until it is accepted.
                turn=turns.cost_of_plan(request),
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
        project = sa.select(Job.project_id).where(Job.id == job_id).correlate(None)
        values["turn"] = Job.turn + turns.start(session, project.scalar_subquery())
        connection.write(
            session,
            sa.update(Job)
            .where(Job.id == job_id, Job.status == JobState.ACCEPTING)
            .values(
                status=JobState.IN_PROGRESS,
                trust_id=trust_id,
                credentials="trust" if trust_id else "token",
                **values,
            ),
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
    return connection.scalar(query)


def get(project_id: str, job_id: str, *, with_all_projects: bool = False) -> Job | None:
    """Return a project's job, or ``None``.

    :param with_all_projects: include jobs about every project's images.
    """
    return connection.scalar(
        visible(project_id, with_all_projects=with_all_projects).where(Job.id == job_id)
    )


@connection.retry_on_disconnect
def list_for_project(
    project_id: str,
    *,
    active: bool = False,
    with_all_projects: bool = False,
    rule_id: str | None = None,
    status: Collection[str] | None = None,
    after: Job | None = None,
    **wanted: Unpack[pagination.Wanted],
) -> Sequence[Job]:
    """Return a page of a project's jobs, by default newest first.

    :param active: only those in progress.
    :param rule_id: only those that this rule made.
    :param with_all_projects: include jobs about every project's images.
    :param status: only those in one of these states.
    :param after: the job that the page comes after, instead of its id.
    :param wanted: the page; sort keys are those of ``kingbird.db.pagination.JOB_KEYS``.
    :raises kingbird.exception.BadRequest: the list has no such marker, or sort key.
    """
    query = visible(project_id, with_all_projects=with_all_projects).options(
        *(sa.orm.defer(column, raiseload=True) for column in NOT_LISTED)
    )
    filters = narrower(rule_id=rule_id, status=status)
    if active:
        filters.append(Job.status == JobState.IN_PROGRESS)
    with connection.reader() as session:
        return pagination.page(
            session, query, Job, *filters, keys=pagination.JOB_KEYS, after=after, **wanted
        )


@connection.retry_on_disconnect
def list_items(
    job: Job,
    *,
    status: Collection[str] | None = None,
    resource: str | None = None,
    target_region: str | None = None,
    reason: Collection[str] | None = None,
    changed_since: datetime | None = None,
    after: sa.Row[Any] | None = None,
    **wanted: Unpack[pagination.Wanted],
) -> Sequence[Any]:
    """Return a page of the items in the stored parts of a job's plan.

    They are rows of :data:`ITEM_COLUMNS`, with the names of :class:`Item`.

    :param status: only those in one of these states.
    :param resource: only those of this image.
    :param target_region: only those in this region.
    :param reason: only those with one of these reasons.
    :param changed_since: only those that were planned, or changed, at this time or later; in UTC.
    :param after: the item that the page comes after, instead of its id.
    :param wanted: the page, by default in the plan's order; sort keys are those of
        ``kingbird.db.pagination.ITEM_KEYS``.
    :raises kingbird.exception.BadRequest: the list has no such marker, or sort key.
    """
    if job.planned_at is None:
        return []
    query = sa.select(*ITEM_COLUMNS).where(Item.job_pk == job.pk, Item.part < job.plan_parts)
    shown = unsettled.columns(job)
    filters: list[sa.ColumnElement[bool]] = []
    if status is not None:
        filters.append(shown.status.in_(sorted(status)))
    if resource is not None:
        # An index has the ids, and none has the images.
        filters.append(Item.id.in_([item_id(job.id, resource, one) for one in job.targets]))
    if target_region is not None:
        filters.append(Item.target_region == target_region)
    if reason is not None:
        # The index has the state before the reason.
        filters += [shown.status.in_(tuple(ItemState)), shown.reason.in_(sorted(reason))]
    with connection.reader() as session:
        if changed_since is not None:
            has_changed = _changed_since(session, job, changed_since)
            if (
                shown.is_changed is not None
                and (job.updated_at or job.created_at) >= changed_since
            ):
                has_changed = sa.or_(has_changed, shown.is_changed)
            filters.append(has_changed)
        # An item's number tells its place in the plan.
        wanted.setdefault("sort_dir", "asc")
        return pagination.page(
            session, query, Item, *filters, keys=pagination.ITEM_KEYS, after=after, **wanted
        )


def _changed_since(session: sa.orm.Session, job: Job, time: datetime) -> sa.ColumnElement[bool]:
    """Match items that were changed at a time or later."""
    # Earlier releases have written no time of their own.  No database searches the index for
    # one time or the other, so it is asked first whether there is a row of theirs.
    of_earlier = sa.exists().where(Item.job_pk == job.pk, Item.written_at.is_(None))
    if not session.scalar(sa.select(of_earlier)):
        return Item.written_at >= time
    is_old = sa.and_(Item.written_at.is_(None), Item.changed_at >= time)
    return sa.or_(Item.written_at >= time, is_old)


@connection.retry_on_disconnect
def numbers_of(job: Job) -> Numbers:
    """Return the numbers of a job's items, and of images that are in sync and have no item."""
    with connection.reader() as session:
        query = sa.select(Job).where(Job.pk == job.pk, Job.id == job.id)
        found = session.scalars(
            query.options(
                sa.orm.defer(Job.request, raiseload=True),
                sa.orm.defer(Job.plan_rest, raiseload=True),
            )
        ).one_or_none()
        if found is None:
            return Numbers({}, {}, {}, {})
        is_open = found.status not in ENDED_JOB_STATES
        tasks = counts.TaskFigures(session, [found.pk] if is_open else [])
        numbers = counts.of_jobs(session, [found], tasks)[found.pk]
    summed = sum_up(numbers, found.in_sync, found.no_data)
    return summed._replace(waits_for=tasks.regions_awaited(found) or ())


def outcome_counts(job: Job) -> tuple[dict[str, int], dict[str, int], RegionCounts]:
    """Return the numbers of a job's items without those of data."""
    return numbers_of(job)[:3]


def sum_up(
    numbers: counts.Counts,
    in_sync: Mapping[str, int],
    no_data: Mapping[str, int] | None = None,
) -> Numbers:
    """Return numbers as :func:`numbers_of` does.

    :param in_sync: images that are in sync and have no item, by region.
    :param no_data: those that are in sync but for their data.
    """
    same = {
        (region, str(JobState.SUCCESS), str(reason)): count
        for reason, found in ((Reason.IN_SYNC, in_sync), (Reason.NO_DATA, no_data or {}))
        for region, count in found.items()
    }
    statuses: dict[str, int] = {}
    outcomes: dict[str, int] = {}
    regions: RegionCounts = {}
    for (region, status, reason), count in [*same.items(), *counts.of_items(numbers).items()]:
        if not count:
            continue
        there = regions.setdefault(region, {"statuses": {}, "outcomes": {}})
        for by in (statuses, there["statuses"]):
            by[status] = by.get(status, 0) + count
        # An item whose data are to arrive has the reason of its record, and no outcome yet.
        if reason and status != JobState.IN_PROGRESS:
            for by in (outcomes, there["outcomes"]):
                by[reason] = by.get(reason, 0) + count
    return Numbers(statuses, outcomes, regions, counts.of_data(numbers))


@connection.retry_on_disconnect
def delete(project_id: str, job_id: str, *, with_all_projects: bool = False) -> bool:
    """Delete a project's job that has ended, with its tasks and items.

    Nobody sees a large job any more, and engines delete its rows after that.

    :param with_all_projects: include jobs about every project's images.
    :returns: True if the job was deleted, False if there is none or it is in progress.
    """
    where = [Job.id == job_id, Job.project_id == project_id, Job.status.in_(ENDED_JOB_STATES)]
    if not with_all_projects:
        where.append(Job.all_projects == sa.false())
    with connection.writer() as session:
        found = session.scalars(sa.select(Job.pk).where(*where)).all()
        return bool(found) and settling.delete(session, found, *where) > 0
