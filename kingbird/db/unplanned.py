"""End what was not planned of a job, and delete what was stored of unfinished parts of its plan.

The items of a job without a plan are those that its request names.  If they are too many for one
transaction, :func:`store_some` stores some of them at a time after the end of the job.  Those of
regions that lag are stored before it, by :func:`store_rest`; only rows tell how many are new.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird import exception
from kingbird.batching import batched
from kingbird.db import connection, item_rows, runs
from kingbird.db.clock import read_now, utc_now
from kingbird.db.counts import Counts
from kingbird.db.item_ids import item_id
from kingbird.db.item_rows import Progress
from kingbird.db.leases import Claim, fence
from kingbird.db.models import Item, Job
from kingbird.resource_keys import key_of
from kingbird.states import ALL, STATE_OF, JobState, Reason


def store_rest(work: Claim | Job, reason: str, message: str) -> Counts:
    """Store the items of regions that lag, as they are when their job ends without them.

    They are an unfinished part of the plan, which :func:`end` completes.  An engine that is killed
    before that has done nothing, and the next one drops them.

    :param work: the claim of a job for planning; or a job that nobody works on, as it was read.
    :returns: the numbers of these items.
    :raises kingbird.exception.LeaseLost: another engine plans the job, or has.
    """
    job = _read(work) if isinstance(work, Claim) else work
    if job.plan_parts == 0 or not _lagging(job):
        return Counts()
    while not _drop_rest(work, job):
        pass
    numbers = Counts()
    for pairs in batched(_left(job), item_rows.LIMIT):
        numbers.update(_store_rest(work, job, pairs, reason, message))
    return numbers


@connection.retry_on_disconnect
def _read(claim: Claim) -> Job:
    with connection.writer() as session:
        fence(session, claim)
        return session.get_one(Job, claim.job.pk, populate_existing=True)


def _lock(session: orm.Session, work: Claim | Job) -> None:
    """Lock the row of a job at the start of a transaction, or give the transaction up."""
    if isinstance(work, Claim):
        fence(session, work)
    elif not runs.change(session, runs.untouched(work), Job.status == JobState.IN_PROGRESS):
        raise exception.LeaseLost(f"An engine has taken the job {work.id}, or it has ended")


@connection.retry_on_disconnect
def _drop_rest(work: Claim | Job, job: Job) -> bool:
    with connection.writer() as session:
        _lock(session, work)
        return drop_some(session, job.pk, job.plan_parts)


@connection.retry_on_disconnect
def _store_rest(
    work: Claim | Job,
    job: Job,
    pairs: Sequence[tuple[tuple[str, str], str]],
    reason: str,
    message: str,
) -> Counts:
    """Store some of the items of regions that lag, unless an earlier part of the plan has them."""
    with connection.writer() as session:
        _lock(session, work)
        now = read_now(session)
        made = [
            _ended_row(job, job.plan_parts, pair, source, reason, message, now)
            for pair, source in pairs
        ]
        rows = {row["id"]: row for row in made}
        for batch in batched(list(rows), connection.BATCH):
            query = sa.select(Item.id).where(Item.job_pk == job.pk, Item.id.in_(batch))
            for known in session.scalars(query.where(Item.part < job.plan_parts)):
                del rows[known]
            # A commit whose answer was lost is run again, and finds its own rows.
            mine = set(session.scalars(query.where(Item.part == job.plan_parts)))
            new = [rows[one] for one in batch if one in rows and one not in mine]
            if new:
                session.execute(sa.insert(Item), new)
    state = str(STATE_OF[Reason(reason)])
    return Counts((row["target_region"], state, reason) for row in rows.values())


def _lagging(job: Job) -> Collection[str]:
    return (job.plan_rest or {}).get("known_to", ())


def _left(job: Job) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield each pair of a resource and a region that may be left to plan, with its source.

    The pairs of one region at a time are in memory.
    """
    lagging = set(_lagging(job))
    names = [name for entry in job.request for name in (*entry["targets"], *entry["sources"])]
    for region in dict.fromkeys(names):
        found: dict[str, str] = {}
        for entry in reversed(job.request):
            is_target = region in entry["targets"]
            # The item of a region stands for all that it had to do with the job.
            lags = region in lagging and (is_target or region in entry["sources"])
            for resource in entry["resources"]:
                if resource == ALL and lags:
                    found[ALL] = ALL
                elif resource != ALL and is_target:
                    found[resource] = entry["sources"][0]
        yield from (((resource, region), source) for resource, source in found.items())


def end(
    session: orm.Session, job: Job, reason: str, message: str, rest: Counts
) -> tuple[Counts, Progress | None]:
    """End what is left to plan of a job: all of it, or lagging regions.

    Items of a retry that has not been planned end with the job.

    :param rest: the numbers of the items that :func:`store_rest` has stored.
    :returns: the change of the numbers of the job's items, and how far the rows have followed.
    """
    if job.plan_parts == 0:
        return _end_all(session, job, reason, message)
    if not _lagging(job):
        return Counts(), None
    runs.change(
        session,
        runs.of(job),
        plan_rest=sa.null(),
        away=sa.null(),
        plan_parts=job.plan_parts + 1,
    )
    return rest, None


def _end_all(
    session: orm.Session, job: Job, reason: str, message: str
) -> tuple[Counts, Progress | None]:
    """End a job of whose plan no part is stored: its items are those that the request names.

    :returns: the numbers of its items, and how far the rows have followed; ``None`` if they all
        have.
    """
    state = STATE_OF[Reason(reason)]
    numbers: Counts = Counts()
    for region in job.targets:
        numbers[region, str(state), str(reason)] = len(_wanted(job.request, region))
    first = session.scalars(
        sa.select(Item.pk).where(Item.job_pk == job.pk).limit(item_rows.LIMIT)
    ).all()
    is_small = len(first) + numbers.total() <= item_rows.LIMIT
    if is_small:
        connection.delete_rows(session, Item, first)
        for region in job.targets:
            _insert(session, job, region, 0, reason, message)
    runs.change(
        session,
        runs.of(job),
        planned_at=utc_now() if is_small else None,
        plan_rest=sa.null(),
        plan_parts=job.plan_parts + 1,
        # Nothing of a plan was stored, so these are the first numbers.
        counts=[],
    )
    if is_small:
        return numbers, None
    first_place = {"run": job.runs, "stage": "drop", "region": 0, "at": 0}
    return numbers, {**item_rows.beginning(job, reason, message), "plan": first_place}


def store_some(session: orm.Session, job: Job, progress: Progress) -> None:
    """Store some of the items of a job that was not planned.

    :param progress: how far the rows of the job have followed.
    """
    plan = dict(progress["plan"])
    if plan["stage"] == "drop":
        if drop_some(session, job.pk, 0):
            plan["stage"] = "store"
        item_rows.note(session, job, ending={**progress, "plan": plan})
        return
    regions = job.targets
    if plan["region"] == len(regions):
        # A run after that may have ended before its items were stored.
        is_over = plan["run"] == progress["run"]
        left = {name: each for name, each in progress.items() if name != "plan"}
        item_rows.note(session, job, ending=sa.null() if is_over else left, planned_at=utc_now())
        return
    region = regions[plan["region"]]
    stored = _insert(session, job, region, plan["at"], progress["reason"], progress["message"])
    plan["at"] += stored
    if stored < item_rows.LIMIT:
        plan.update(region=plan["region"] + 1, at=0)
    item_rows.note(session, job, ending={**progress, "plan": plan})


def _wanted(request: Sequence[Mapping[str, Any]], region: str) -> dict[str, str]:
    """Return the source of each image that a request names for a target region."""
    found: dict[str, str] = {}
    for entry in reversed(request):
        if region in entry["targets"]:
            for resource in entry["resources"]:
                found[resource] = entry["sources"][0] if resource != ALL else ALL
    return found


def _insert(
    session: orm.Session, job: Job, region: str, begin: int, reason: str, message: str
) -> int:
    """Store the next items of a job that was not planned, as many as one transaction may.

    :param begin: how many the region has already.
    :returns: how many were stored.
    """
    now = read_now(session)
    some = list(islice(_wanted(job.request, region).items(), begin, begin + item_rows.LIMIT))
    for batch in batched(some, connection.BATCH):
        session.execute(
            sa.insert(Item),
            [
                _ended_row(job, 0, (resource, region), source, reason, message, now)
                for resource, source in batch
            ],
        )
    return len(some)


def _ended_row(
    job: Job,
    part: int,
    pair: tuple[str, str],
    source: str,
    reason: str,
    message: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the columns of an item that ends without a plan.

    :param pair: the resource as the request names it, and the target region.
    """
    resource, region = pair
    key = key_of(job.resource_type, resource)
    return {
        "id": item_id(job.id, key, region),
        "job_pk": job.pk,
        "plan_generation": 0,
        "part": part,
        "resource_type": job.resource_type,
        "resource": key,
        "resource_name": None if key == resource else resource,
        "source_region": source,
        "target_region": region,
        "action": "none",
        "status": STATE_OF[Reason(reason)],
        "reason": reason,
        "message": message,
        "created_at": now,
        "updated_at": now,
        "written_at": now,
    }


def drop_some(session: orm.Session, job_pk: int, part: int) -> bool:
    """Delete items of unfinished parts of a plan, as many as one transaction may.

    :param part: the first part that is not complete.
    :returns: whether no such item is left.
    """
    # They are those that were stored last.
    query = sa.select(Item.pk, Item.part).where(Item.job_pk == job_pk)
    rows = session.execute(query.order_by(Item.pk.desc()).limit(item_rows.LIMIT)).all()
    found = [row.pk for row in rows if row.part >= part]
    connection.delete_rows(session, Item, found)
    return len(found) < item_rows.LIMIT


@connection.retry_on_disconnect
def drop_unfinished(claim: Claim) -> None:
    """Delete what an engine that lost its lease left of the next part of a plan.

    :raises kingbird.exception.LeaseLost: another engine plans the job.
    """
    is_last = False
    while not is_last:
        with connection.writer() as session:
            fence(session, claim)
            parts = session.scalar(sa.select(Job.plan_parts).where(Job.pk == claim.job.pk))
            is_last = drop_some(session, claim.job.pk, parts or 0)
