"""Plans: stored in batches, part by part, and read by tasks.

No region is written to before the plan of a part is complete.  A job has several parts if some
regions lag, and one more for each retry.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import batches, connection, jobs, outcomes, runs
from kingbird.db.clock import now_ms, read_now, utc_now
from kingbird.db.column_types import fit
from kingbird.db.leases import Claim, fence
from kingbird.db.models import RETRY, Item, Job, Task
from kingbird.db.outcomes import Ending, end_if_done
from kingbird.states import ALL, ItemState

#: ``Job.plan_rest`` of a job that is retried, until its items have been planned.
RETRY_REST = {"retry": True}


def awaits_retry(job_pk: int) -> sa.ColumnElement[bool]:
    """Match the items of a retry that have not been planned."""
    return sa.and_(
        Item.job_pk == job_pk, Item.status == ItemState.IN_PROGRESS, Item.action == RETRY
    )


@connection.retry_on_disconnect
def set_request(claim: Claim, request: Sequence[Mapping[str, Any]]) -> None:
    """Replace the request of a job that is planned, as its regions are known by name now.

    :raises kingbird.exception.LeaseLost: another engine plans the job.
    """
    with connection.writer() as session:
        fence(session, claim)
        runs.change(session, runs.of(claim.job), request=[dict(each) for each in request])


@dataclass(frozen=True)
class Take:
    """The tasks of a plan that its engine claims as it stores them.

    :ivar lease: seconds.
    :ivar max_items: the largest number of items of a part whose tasks are claimed.
    :ivar excluded_regions: regions whose tasks are left to others.
    """

    lease: float
    max_items: int
    excluded_regions: Collection[str] = ()


class PlanWriter:
    """One part of a job's plan, as it is stored.  Use it as a context.

    Entering it deletes what an engine that lost its lease left of the part.  The plan of a retry
    is written in the same way: its part exists, with items that are given a plan.  A small plan
    takes one transaction: its items are held until :meth:`finish`.

    Each method raises :class:`kingbird.exception.LeaseLost` if another engine plans the job.

    :param recounted: regions that a retry compares completely, so that images in sync there are
        counted anew.
    :ivar claims: the tasks that :meth:`finish` has claimed.
    """

    def __init__(self, claim: Claim, part: int = 0, *, recounted: Collection[str] = ()) -> None:
        self._claim = claim
        self._part = part
        self._recounted = recounted
        self._regions: set[str] = set()
        self._held: Sequence[dict[str, Any]] = ()
        self._open_items = 0
        self.claims: list[Claim] = []

    @connection.retry_on_disconnect
    def __enter__(self) -> "PlanWriter":
        if self._claim.generation == 1:
            # Nobody has planned the job before.
            return self
        job_pk = self._claim.job.pk
        parts = sa.select(Job.plan_parts).where(Job.pk == job_pk).scalar_subquery()
        with connection.writer() as session:
            fence(session, self._claim)
            for model in (Item, Task):
                session.execute(
                    sa.delete(model).where(model.job_pk == job_pk, model.part >= parts)
                )
        return self

    def __exit__(self, *error: object) -> None:
        """Leave an unfinished part as it is; it is deleted when the job is planned anew."""

    @connection.retry_on_disconnect
    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Store a batch of items.

        An image and region of an earlier part is left out, and an item of a retry is updated.

        :param rows: columns of ``Item``.  An item whose status is IN_PROGRESS is work for its
            region's task, any other has ended already.
        """

        def transaction(execute: batches.Execute) -> set[str]:
            with connection.writer() as session:
                fence(session, self._claim)
                return self._add(session, rows, execute)

        self._regions |= batches.write(transaction)
        self._open_items += _count_open(rows)

    def hold(self, rows: Sequence[dict[str, Any]]) -> None:
        """Store a batch of items with the next one, at :meth:`flush` or at :meth:`finish`."""
        self.flush()
        self._held = rows

    def flush(self) -> None:
        """Store the items that are held, so that they can be read."""
        if self._held:
            self.add(self._held)
            self._held = ()

    def _add(
        self, session: orm.Session, rows: Sequence[dict[str, Any]], execute: batches.Execute
    ) -> set[str]:
        """Store a batch in a fenced transaction, and return the regions that it has work for."""
        claim = self._claim
        by_id = {
            jobs.item_id(claim.job.id, row["resource"], row["target_region"]): row for row in rows
        }
        known, now = _known(session, claim.job.pk, by_id), read_now(session)
        added, changed, regions = [], [], set()
        for item_id, row in by_id.items():
            columns = {"plan_generation": claim.generation, **row}
            is_open = row["status"] == ItemState.IN_PROGRESS
            item = known.get(item_id)
            if item is None:
                columns.update(job_pk=claim.job.pk, part=self._part, id=item_id)
                added.append(
                    {"created_at": now, "updated_at": None if is_open else now, **columns}
                )
            elif (item.action, item.status) == (RETRY, ItemState.IN_PROGRESS):
                changed.append({"pk": item.pk, "updated_at": now, **columns})
            elif (item.part, item.plan_generation) != (self._part, claim.generation):
                continue
            # A commit whose answer was lost is run again, and finds its own rows.
            if is_open:
                regions.add(row["target_region"])
        if added:
            execute(session, sa.insert(Item), added, _unstorable)
        if changed:
            execute(session, sa.update(Item), changed, _unstorable)
        if (added or changed) and claim.job.plan_rest == RETRY_REST:
            # Planning a retry goes on from here, and any other part begins anew.
            fence(session, claim, progress=True)
        return regions

    @connection.retry_on_disconnect
    def finish(
        self,
        in_sync: Mapping[str, int],
        cursor: Mapping[str, Any] | None = None,
        take: Take | None = None,
    ) -> Ending:
        """Store the items that are held, and let the part's tasks be claimed.

        :param in_sync: the number of images in sync that have no item, by region.
        :param cursor: the point from which another part goes on, or ``None`` if nothing is left.
        :param take: the tasks to claim for the engine that planned them; they are in ``claims``
            afterwards.
        :returns: the open tasks of the job; what is left to plan counts as one.  If there is
            none, the job has ended.
        """
        return batches.write(lambda execute: self._finish(in_sync, cursor, take, execute))

    def _finish(
        self,
        in_sync: Mapping[str, int],
        cursor: Mapping[str, Any] | None,
        take: Take | None,
        execute: batches.Execute,
    ) -> Ending:
        with connection.writer() as session:
            fence(session, self._claim, progress=True)
            regions_held = self._add(session, self._held, execute) if self._held else set()
            job = session.get_one(Job, self._claim.job.pk, populate_existing=True)
            is_retry = job.plan_rest == RETRY_REST
            if is_retry or job.plan_parts == self._part:
                regions = (
                    self._retried_regions(session) if is_retry else self._regions | regions_held
                )
                session.add_all(
                    Task(
                        job_pk=job.pk,
                        plan_generation=self._claim.generation,
                        part=self._part,
                        region=region,
                    )
                    for region in sorted(regions)
                )
                counts = {
                    region: 0 if region in self._recounted else count
                    for region, count in job.in_sync.items()
                }
                for region, count in in_sync.items():
                    counts[region] = counts.get(region, 0) + count
                has_rest = cursor is not None
                runs.change(
                    session,
                    runs.of(job),
                    in_sync=counts,
                    # The rest of the plan counts as one task: this part was it, and may leave
                    # another.
                    tasks_open=job.tasks_open
                    + len(regions)
                    + has_rest
                    - (job.plan_rest is not None),
                    plan_rest=dict(cursor) if cursor is not None else sa.null(),
                    plan_parts=self._part + 1,
                    planned_at=job.planned_at or utc_now(),
                    updated_at=utc_now(),
                    # The engine's name stays: a job with a user's token ends with its engine.
                    **({"lease_expires": None} if regions and not has_rest else {}),
                )
                open_items = self._open_items + _count_open(self._held)
                if take is not None and open_items <= take.max_items:
                    self._take(session, take)
            ending = end_if_done(session, self._claim.job)
            self.claims = self._taken(session) if take is not None and ending.open_tasks else []
        return ending

    def _take(self, session: orm.Session, take: Take) -> None:
        """Claim the tasks that the transaction has made."""
        session.flush()
        session.execute(
            sa.update(Task)
            .where(
                self._own_tasks(),
                Task.region.not_in(sorted(take.excluded_regions)),
            )
            .values(
                engine_id=self._claim.engine_id,
                lease_expires=now_ms() + int(take.lease * 1000),
                attempts=1,
            )
            .execution_options(synchronize_session=False)
        )

    def _taken(self, session: orm.Session) -> list[Claim]:
        """Return the claims of this engine on the part's tasks.

        A commit whose answer was lost is run again, and finds its own claims.
        """
        query = (
            sa.select(Task)
            .where(self._own_tasks(), Task.engine_id == self._claim.engine_id)
            .where(Task.done == sa.false())
            .order_by(Task.pk)
            .execution_options(populate_existing=True)
        )
        claims = []
        for task in session.scalars(query):
            session.expunge(task)
            # A claim shows the row before it.
            task.engine_id, task.lease_expires, task.attempts = None, None, 0
            claims.append(Claim(self._claim.job, task, self._claim.engine_id, task.generation))
        return claims

    def _own_tasks(self) -> sa.ColumnElement[bool]:
        return sa.and_(
            Task.job_pk == self._claim.job.pk,
            Task.part == self._part,
            Task.plan_generation == self._claim.generation,
        )

    def _retried_regions(self, session: orm.Session) -> set[str]:
        """Return the regions that have work in a retry, whichever engine planned it."""
        job_pk = self._claim.job.pk
        # A region that could be compared now needs no item for all of its images.
        session.execute(sa.delete(Item).where(awaits_retry(job_pk), Item.resource == ALL))
        query = sa.select(Item.target_region).where(
            Item.job_pk == job_pk, Item.part == self._part, Item.status == ItemState.IN_PROGRESS
        )
        return set(session.scalars(query.distinct()))


def _count_open(rows: Sequence[dict[str, Any]]) -> int:
    return sum(row["status"] == ItemState.IN_PROGRESS for row in rows)


def _unstorable(row: batches.Row) -> batches.Row:
    """Return the failure that takes the place of an item that the database refuses."""
    ended = row["updated_at"] or row["created_at"]
    failure = {**row, **outcomes.UNSTORABLE, "action": "none", "work": None, "updated_at": ended}
    return fit(Item.__table__, failure)


def _known(session: orm.Session, job_pk: int, ids: Iterable[str]) -> dict[str, sa.Row[Any]]:
    """Return those of some items that exist, by id."""
    columns = (Item.id, Item.pk, Item.part, Item.plan_generation, Item.action, Item.status)
    rows: list[sa.Row[Any]] = []
    for batch in batched(ids, connection.BATCH):
        rows += session.execute(
            sa.select(*columns).where(Item.job_pk == job_pk, Item.id.in_(batch))
        )
    return {row.id: row for row in rows}
