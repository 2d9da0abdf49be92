"""Write outcomes in batches, and end tasks.

The transaction that ends a job's last task ends the job (``kingbird.db.job_ends``).  Rows are
locked in the order job, task, items.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import (
    batches,
    connection,
    counts,
    equal_rows,
    image_states,
    item_rows,
    metadef_states,
    orphans,
    runs,
    turns,
    unplanned,
)
from kingbird.db.clock import now_ms, utc_now
from kingbird.db.column_types import fit
from kingbird.db.counts import Counts
from kingbird.db.job_ends import Ending, end_if_done
from kingbird.db.leases import Claim, fence
from kingbird.db.models import Item, Job, Task
from kingbird.db.outcome_texts import NOT_WORKED_ON
from kingbird.db.retried_items import RETRY_REST, awaits_retry, has_plan
from kingbird.states import (
    ITEM_TRANSITIONS,
    CopyState,
    DataState,
    ItemState,
    Reason,
    TaskKind,
    predecessors,
)

#: The key of an outcome under which it has the state of its image.
IMAGE_STATE = "image_state"
#: Likewise the state of its namespace.
METADEF_STATE = "metadef_state"
#: The key of an outcome under which it has what :func:`kingbird.db.orphans.store` keeps.
ORPHAN = "orphan"
_NO_COLUMNS = ("pk", IMAGE_STATE, METADEF_STATE, ORPHAN)
#: The columns of an item that are read before its outcome is written.
_BEFORE = (
    Item.pk,
    Item.target_region,
    Item.status,
    Item.reason,
    Item.data,
    Item.bytes,
    Item.target_resource,
)
#: The outcome of an item whose row the database refuses.
UNSTORABLE = {
    "status": ItemState.FAILURE,
    "reason": Reason.INTERNAL_ERROR,
    "message": "Kingbird's database refuses to store what this image is, or what became of it",
}


@connection.retry_on_disconnect
def record(claim: Claim, outcomes: Sequence[Mapping[str, Any]], *, answered: bool = False) -> None:
    """Write the outcomes of some items of a task in one transaction.

    :param outcomes: ``pk`` and the columns that change, the same ones for each item, and as
        :data:`IMAGE_STATE` columns of ``ImageState`` if the outcome tells the image's state, or
        likewise as :data:`METADEF_STATE`.
    :param answered: whether the region has answered, so that it is not away any more.
    :raises kingbird.exception.LeaseLost: another engine has the task by now.
    """

    def write(execute: batches.Execute) -> None:
        with connection.writer() as session:
            back = {"away_since": None} if answered else {}
            fence(session, claim, progress=bool(outcomes), **back)
            change = _write(session, claim, outcomes, execute)
            if change:
                task_pk = claim.region_task.pk
                numbers = counts.add_to_task(session, task_pk, change)
                counted = sa.update(Task).where(Task.pk == task_pk).values(counts=numbers)
                connection.write(session, counted)

    batches.write(write)


def end_task(
    claim: Claim,
    outcomes: Sequence[Mapping[str, Any]] = (),
    *,
    reason: str = Reason.INTERNAL_ERROR,
    message: str = NOT_WORKED_ON,
    rest: Counts | None = None,
) -> Ending:
    """End the work that was claimed, and the job with its last task.

    If more items have no outcome than one transaction may end, the work goes on:
    :attr:`Ending.has_more` says that the caller has to call this again, without ``outcomes``.

    :param claim: of a task, or of a job whose planning is given up.  Tasks that an earlier part
        of the plan has go on.
    :param outcomes: the last ones, as :func:`record` takes them.
    :param reason: the reason of items that have no outcome.
    :param rest: what :func:`kingbird.db.unplanned.store_rest` has returned, if the planning of a
        job is given up; without it that is done here.
    :raises kingbird.exception.LeaseLost: another engine has the work by now.
    """
    if claim.task is None:
        if rest is None:
            rest = unplanned.store_rest(claim, reason, message)
        return _end_planning(claim, reason, message, rest)
    return batches.write(lambda execute: _end_task(claim, outcomes, reason, message, execute))


@connection.retry_on_disconnect
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
        task, ended = claim.region_task, Counts()
        change = _write(session, claim, outcomes, execute)
        if reason == Reason.CANCELLED and _may_follow(session, claim):
            # The end of the job tells what becomes of its items.
            is_last = True
        else:
            ended, is_last = item_rows.end_some(
                session, reason, message, *_items_of(task), kind=task.kind
            )
            if is_last and task.kind == TaskKind.RECORDS:
                is_last = _begin_data_task(session, claim)
        if not is_last:
            runs.change(session, runs.of(claim.job), tasks_open=Job.tasks_open + 1)
        numbers = counts.add_to_task(session, task.pk, counts.add(change, ended))
        values: dict[str, Any] = {"counts": numbers}
        if is_last:
            values.update(done=True, engine_id=None, lease_expires=None, updated_at=utc_now())
        connection.write(session, sa.update(Task).where(Task.pk == task.pk).values(**values))
        items = counts.gained(ended)
        if not is_last:
            return Ending(items=items, has_more=True)
        ending = end_if_done(session, claim.job)
        if items:
            # Two reasons in one task are counted as one.
            items.update(ending.items)
            ending = ending._replace(items=items, left_as=None)
        return ending


@connection.retry_on_disconnect
def _end_planning(claim: Claim, reason: str, message: str, rest: Counts) -> Ending:
    """End what is left to plan of a job."""
    with connection.writer() as session:
        runs.change(session, runs.of(claim.job), tasks_open=Job.tasks_open - 1)
        fence(session, claim)
        job = session.get_one(Job, claim.job.pk, populate_existing=True)
        given_up = reason if job.planned_at is None else None
        values: dict[str, Any] = {"generation": Job.generation + 1, "lease_expires": None}
        progress, is_last = None, True
        if job.plan_rest == RETRY_REST and job.tasks_open:
            # The end of the last task ends no item that waits for its plan.
            waiting = awaits_retry(job.pk)
            ended, is_last = item_rows.end_some(session, reason, message, waiting)
            values.update(plan_rest=sa.null(), away=sa.null())
        else:
            ended, progress = unplanned.end(session, job, reason, message, rest)
        if not is_last:
            values = {"tasks_open": Job.tasks_open + 1}
        values["counts"] = counts.add_to_job(session, job.pk, ended)
        runs.change(session, runs.of(job), **values)
        if not is_last:
            return Ending(items=counts.gained(ended), has_more=True)
        ending = end_if_done(session, job, (reason, message), progress)
        items = counts.gained(ended)
        items.update(ending.items)
        return ending._replace(reason=given_up, items=items, left_as=None)


def _may_follow(session: orm.Session, claim: Claim) -> bool:
    """Return whether the items of a cancelled task may end with its job.

    Their numbers have to be known.  Items that wait for data end one by one.
    """
    stored = session.scalar(sa.select(Job.counts).where(Job.pk == claim.job.pk))
    return stored is not None and not counts.of_data(counts.load(stored))


def _items_of(task: Task) -> list[sa.ColumnElement[bool]]:
    return [
        Item.job_pk == task.job_pk,
        Item.part == task.part,
        Item.target_region == task.region,
        has_plan(),
    ]


def _begin_data_task(session: orm.Session, claim: Claim) -> bool:
    """Make the task for the data of the records that a task has written, if there are any.

    :returns: whether that is done.  There may be more items than one transaction may change.
    """
    task = claim.region_task
    waiting = sa.select(Item.pk).where(*_items_of(task), Item.waits_for_data)
    unnoted = session.scalars(waiting.where(Item.data_since == 0).limit(item_rows.LIMIT)).all()
    connection.update_rows(session, Item, unnoted, data_since=now_ms())
    if len(unnoted) == item_rows.LIMIT:
        return False
    if not unnoted and session.scalar(waiting.limit(1)) is None:
        return True
    session.add(
        Task(
            job_pk=task.job_pk,
            plan_generation=task.plan_generation,
            part=task.part,
            region=task.region,
            kind=TaskKind.DATA,
            turn=0 if claim.job.cancelled else turns.start(session, claim.job.project_id),
        )
    )
    runs.change(session, runs.of(claim.job), tasks_open=Job.tasks_open + 1)
    return True


def _write(
    session: orm.Session,
    claim: Claim,
    outcomes: Sequence[Mapping[str, Any]],
    execute: batches.Execute,
) -> Counts:
    """Write outcomes and the states of their images, and drop the records to write.

    An item whose data are to arrive stays in progress, with the work that its outcome brings.

    :returns: the change of the numbers.  Items that have ended are left as they are: a commit
        whose answer was lost is run again, and changes nothing.
    """
    if not outcomes:
        return Counts()
    allowed = {
        before
        for outcome in outcomes
        for before in predecessors(ITEM_TRANSITIONS, ItemState(outcome["status"]))
        if outcome["status"] != ItemState.IN_PROGRESS
    } or {ItemState.IN_PROGRESS}
    before: dict[int, Any] = {
        row.pk: row
        for batch in batched([outcome["pk"] for outcome in outcomes], connection.BATCH)
        for row in session.execute(
            sa.select(*_BEFORE)
            .where(Item.pk.in_(batch), Item.status.in_(allowed))
            .with_for_update()
        )
    }
    rows = [
        {
            "work": None,
            "row": outcome["pk"],
            **{name: value for name, value in outcome.items() if name not in _NO_COLUMNS},
        }
        for outcome in outcomes
        if outcome["pk"] in before
    ]
    if not rows:
        return Counts()
    for row in rows:
        if row.get("target_resource") == before[row["row"]].target_resource:
            # A record that was created under the id that was planned.
            row.pop("target_resource", None)
    table: Any = Item.__table__
    statement = sa.update(table).values(updated_at=utc_now(), written_at=utc_now())
    written = equal_rows.update(session, statement, table.c.pk, rows, execute, _unstorable)
    states = [outcome[IMAGE_STATE] for outcome in outcomes if outcome.get(IMAGE_STATE)]
    about_data = claim.region_task.kind == TaskKind.DATA
    before_it = CopyState.NO_DATA if about_data else CopyState.MISSING
    image_states.store_outcomes(session, claim.job, states, execute, before_it)
    namespaces = [outcome[METADEF_STATE] for outcome in outcomes if outcome.get(METADEF_STATE)]
    metadef_states.store_outcomes(session, claim.job, namespaces, execute)
    orphans.store(session, claim.job, [one[ORPHAN] for one in outcomes if one.get(ORPHAN)])
    change = Counts()
    for row in written:
        item = before[row["row"]]
        region, size = item.target_region, item.bytes
        change.subtract(counts.of(region, item.status, item.reason, item.data, size))
        reason, data = row.get("reason", item.reason), row.get("data", item.data)
        change.update(counts.of(region, row["status"], reason, data, size))
    return counts.add(change)


def _unstorable(row: batches.Row) -> batches.Row:
    """Return the failure that takes the place of an outcome that the database refuses."""
    failure = {**row, **UNSTORABLE}
    if row.get("data") is not None:
        failure.update(data=DataState.NONE, data_since=None, work=None)
    return fit(Item.__table__, failure)
