"""Write outcomes in batches, and end tasks and jobs.

The transaction that ends a job's last task ends the job.  Rows are locked in the order job, task,
items.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import batches, connection, jobs, rule_ends, runs
from kingbird.db.clock import read_now, utc_now
from kingbird.db.column_types import fit
from kingbird.db.leases import Claim, fence
from kingbird.db.models import RETRY, Item, Job, Task
from kingbird.states import (
    ALL,
    ITEM_TRANSITIONS,
    JOB_TRANSITIONS,
    STATE_OF,
    ItemState,
    JobState,
    Reason,
    predecessors,
)

#: The message of an item that has not ended when its task has.
NOT_WORKED_ON = "The job was closed before this item was worked on"
#: The outcome of an item whose row the database refuses.
UNSTORABLE = {
    "status": ItemState.FAILURE,
    "reason": Reason.INTERNAL_ERROR,
    "message": "Kingbird's database refuses to store what this image is, or what became of it",
}


class Ending(NamedTuple):
    """The result of a transaction that may have ended a job.

    :ivar open_tasks: tasks of the job that are left; the rest of a plan counts as one.
    :ivar state: the state in which the job ended, or ``None`` if this transaction did not end it.
    :ivar reason: why the job was given up as a whole, if it was.
    :ivar items: items that were ended without being worked on, by target region.
    :ivar ended_at: when the job ended, by the database's clock.
    :ivar rule: the change of the state of the job's rule, if there was one.
    """

    open_tasks: int = 0
    state: JobState | None = None
    reason: str | None = None
    items: Mapping[str, int] = {}
    ended_at: datetime | None = None
    rule: rule_ends.RuleChange | None = None


@connection.retry_on_disconnect
def record(claim: Claim, outcomes: Sequence[Mapping[str, Any]]) -> None:
    """Write the outcomes of some items of a task in one transaction.

    :param outcomes: ``pk`` and the columns that change, the same ones for each item.
    :raises kingbird.exception.LeaseLost: another engine has the task by now.
    """

    def write(execute: batches.Execute) -> None:
        with connection.writer() as session:
            fence(session, claim, progress=bool(outcomes))
            _write(session, outcomes, execute)

    batches.write(write)


@connection.retry_on_disconnect
def end_task(
    claim: Claim,
    outcomes: Sequence[Mapping[str, Any]] = (),
    *,
    reason: str = Reason.INTERNAL_ERROR,
    message: str = NOT_WORKED_ON,
) -> Ending:
    """End the work that was claimed, and the job with its last task.

    :param claim: of a task, or of a job whose planning is given up.  Tasks that an earlier part
        of the plan has go on.
    :param outcomes: the last ones, as :func:`record` takes them.
    :param reason: the reason of items that have no outcome.
    :raises kingbird.exception.LeaseLost: another engine has the work by now.
    """
    return batches.write(lambda execute: _end_task(claim, outcomes, reason, message, execute))


def _end_task(
    claim: Claim,
    outcomes: Sequence[Mapping[str, Any]],
    reason: str,
    message: str,
    execute: batches.Execute,
) -> Ending:
    with connection.writer() as session:
        runs.change(session, runs.of(claim.job), tasks_open=Job.tasks_open - 1)
        fence(session, claim)
        if claim.task is None:
            job = session.get_one(Job, claim.job.pk, populate_existing=True)
            given_up = reason if job.planned_at is None else None
            items = _fail_plan(session, job, reason, message)
            runs.change(session, runs.of(job), generation=Job.generation + 1, lease_expires=None)
        else:
            given_up = None
            _write(session, outcomes, execute)
            items = _end_open_items(
                session,
                reason,
                message,
                Item.job_pk == claim.job.pk,
                Item.part == claim.task.part,
                Item.target_region == claim.task.region,
            )
            session.execute(
                sa.update(Task)
                .where(Task.pk == claim.task.pk)
                .values(done=True, engine_id=None, lease_expires=None, updated_at=utc_now())
                .execution_options(synchronize_session=False)
            )
        return end_if_done(session, claim.job)._replace(reason=given_up, items=items)


@connection.retry_on_disconnect
def end_job(job: Job, reason: str | None = None, message: str = NOT_WORKED_ON) -> Ending:
    """End a job with all that is left of it, whether or not it was planned.

    :param job: the row as it was read.  Nothing happens if that run has ended, or if an engine
        has taken the job or planned a part of it since then.
    :param reason: why the job is given up, which is the reason of items that have not ended.
    """
    with connection.writer() as session:
        if not runs.change(
            session, runs.untouched(job), Job.status == JobState.IN_PROGRESS, updated_at=utc_now()
        ):
            return Ending()
        session.execute(
            sa.update(Task)
            .where(Task.job_pk == job.pk, Task.done == sa.false())
            .values(done=True, generation=Task.generation + 1)
            .execution_options(synchronize_session=False)
        )
        left = reason or Reason.INTERNAL_ERROR
        items = _fail_plan(session, job, left, message)
        items += _end_open_items(session, left, message, Item.job_pk == job.pk)
        return _end(session, job)._replace(reason=reason, items=items)


def end_if_done(session: orm.Session, job: Job) -> Ending:
    """End a job within a transaction if no task is left."""
    session.flush()
    open_tasks = session.scalar(sa.select(Job.tasks_open).where(runs.of(job))) or 0
    return Ending(open_tasks) if open_tasks > 0 else _end(session, job)


def _end(session: orm.Session, job: Job) -> Ending:
    """Set the state in which a job ends: SUCCESS if no item failed or was cancelled."""
    found = set(session.scalars(sa.select(Item.status).where(Item.job_pk == job.pk).distinct()))
    state = next(
        (each for each in (JobState.CANCELLED, JobState.FAILURE) if each in found),
        JobState.SUCCESS,
    )
    has_ended = runs.change(
        session,
        runs.of(job),
        Job.status.in_(predecessors(JOB_TRANSITIONS, state)),
        status=state,
        updated_at=utc_now(),
        engine_id=None,
        lease_expires=None,
        # An engine that still plans the job finds its lease lost.
        generation=Job.generation + 1,
        plan_rest=sa.null(),
        tasks_open=0,
    )
    if not has_ended:
        return Ending()
    changed = rule_ends.note_end(session, job, state)
    ended_at = session.scalar(sa.select(Job.updated_at).where(Job.pk == job.pk))
    return Ending(state=state, ended_at=ended_at, rule=changed)


def _write(
    session: orm.Session, outcomes: Sequence[Mapping[str, Any]], execute: batches.Execute
) -> None:
    """Write outcomes, and drop the records to write that the items had."""
    if not outcomes:
        return
    allowed = {
        before
        for outcome in outcomes
        for before in predecessors(ITEM_TRANSITIONS, ItemState(outcome["status"]))
    }
    table: Any = Item.__table__
    execute(
        session,
        sa.update(table)
        .where(table.c.pk == sa.bindparam("row"), sa.or_(*(table.c.status == s for s in allowed)))
        .values(updated_at=utc_now()),
        [
            {"work": None, "row": pk, **columns}
            for pk, columns in (
                (outcome["pk"], {key: outcome[key] for key in outcome if key != "pk"})
                for outcome in outcomes
            )
        ],
        _unstorable,
    )


def _unstorable(row: batches.Row) -> batches.Row:
    """Return the failure that takes the place of an outcome that the database refuses."""
    return fit(Item.__table__, {**row, **UNSTORABLE})


def _end_open_items(
    session: orm.Session, reason: str, message: str, *where: sa.ColumnElement[bool]
) -> Counter[str]:
    """End items that were not worked on, and count them by target region."""
    state = STATE_OF[Reason(reason)]
    is_open = sa.and_(Item.status.in_(predecessors(ITEM_TRANSITIONS, state)), *where)
    query = sa.select(Item.target_region, sa.func.count()).where(is_open)
    counts: Counter[str] = Counter()
    for region, count in session.execute(query.group_by(Item.target_region)):
        counts[region] = count
    if counts:
        session.execute(
            sa.update(Item)
            .where(is_open)
            .values(
                status=state,
                reason=reason,
                message=message,
                # An image that is there was found by an earlier run.
                target_resource=sa.case(
                    (Item.action == RETRY, Item.target_resource), else_=sa.null()
                ),
                work=sa.null(),
                updated_at=utc_now(),
            )
            .execution_options(synchronize_session=False)
        )
    return counts


def _fail_plan(session: orm.Session, job: Job, reason: str, message: str) -> Counter[str]:
    """End what is left to plan of a job: all of it, lagging regions, or items to retry.

    :returns: how many items there are, by target region.
    """
    if job.planned_at is not None and job.plan_rest is None:
        return Counter()
    session.execute(sa.delete(Item).where(Item.job_pk == job.pk, Item.part >= job.plan_parts))
    lagging = (job.plan_rest or {}).get("known_to", ())
    if job.planned_at is not None and not lagging:
        return _end_open_items(
            session, reason, message, Item.job_pk == job.pk, Item.part == job.plan_parts - 1
        )
    pairs = {}
    for entry in reversed(job.request):
        for resource in entry["resources"]:
            targets = entry["targets"]
            if resource == ALL and job.planned_at is not None:
                # The item of a region stands for all that it had to do with the job.
                targets = {*entry["sources"], *targets}.intersection(lagging)
            source = entry["sources"][0] if resource != ALL else ALL
            pairs.update({(resource, target): source for target in targets})
    now = read_now(session)
    runs.change(
        session,
        runs.of(job),
        planned_at=job.planned_at or now,
        plan_rest=sa.null(),
        plan_parts=job.plan_parts + 1,
    )
    rows = {
        jobs.item_id(job.id, resource, target): {
            "resource": resource,
            "source_region": source,
            "target_region": target,
        }
        for (resource, target), source in pairs.items()
    }
    for known in _stored(session, job, rows):
        del rows[known]
    for batch in batched(rows.items(), connection.BATCH):
        session.execute(
            sa.insert(Item),
            [
                {
                    "id": item_id,
                    "job_pk": job.pk,
                    "plan_generation": 0,
                    "part": job.plan_parts,
                    "resource_type": "image",
                    "action": "none",
                    "status": STATE_OF[Reason(reason)],
                    "reason": reason,
                    "message": message,
                    "created_at": now,
                    "updated_at": now,
                    **columns,
                }
                for item_id, columns in batch
            ],
        )
    return Counter(row["target_region"] for row in rows.values())


def _stored(session: orm.Session, job: Job, ids: Iterable[str]) -> list[str]:
    """Return those of some items that an earlier part of a job's plan has."""
    return [
        found
        for batch in batched(list(ids), connection.BATCH)
        for found in session.scalars(
            sa.select(Item.id).where(Item.job_pk == job.pk, Item.id.in_(batch))
        )
    ]


@connection.retry_on_disconnect
def clear_trust(job: Job) -> None:
    """Note that the trust of a job's run is deleted.

    :param job: the row as it was read, with that trust.
    """
    with connection.writer() as session:
        runs.change(session, runs.of(job), Job.trust_id == job.trust_id, trust_id=None)
