"""Plans: stored in batches, part by part, and read by tasks.

No region is written to before the plan of a part is complete.  A job has several parts if some
regions lag or are away, and at least one more for each retry.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import (
    batches,
    connection,
    counts,
    fresh_states,
    plan_rows,
    retried_items,
    runs,
    turns,
    unplanned,
)
from kingbird.db.clock import now_ms, read_now, utc_now
from kingbird.db.counts import Counts
from kingbird.db.findings import Figures, Findings
from kingbird.db.image_states import Findings as ImageFindings
from kingbird.db.item_ids import item_id
from kingbird.db.job_ends import Ending, end_if_done
from kingbird.db.leases import Claim, fence
from kingbird.db.models import RETRY, Item, Job, Task
from kingbird.db.retried_items import RETRY_REST
from kingbird.states import ItemState, TaskKind

#: The findings of a batch that tells nothing.
NOTHING: Findings = ImageFindings()


@connection.retry_on_disconnect
def set_request(claim: Claim, request: Sequence[Mapping[str, Any]]) -> None:
    """Replace the request of a job that is planned, as its regions are known by name now.

    :raises kingbird.exception.LeaseLost: another engine plans the job.
    """
    with connection.writer() as session:
        fence(session, claim)
        runs.change(session, runs.of(claim.job), request=[dict(each) for each in request])


@connection.retry_on_disconnect
def note_listed(claim: Claim, listed: Mapping[str, int]) -> None:
    """Store how many images planning has listed so far, by region.

    :raises kingbird.exception.LeaseLost: another engine plans the job.
    """
    with connection.writer() as session:
        fence(session, claim, listed=dict(listed))


@dataclass(frozen=True)
class Take:
    """The tasks of a plan that its engine claims as it stores them.

    :ivar lease: seconds.
    :ivar max_items: the largest number of items of a part whose tasks are claimed.
    :ivar excluded_regions: returns the regions whose tasks are left to others, once the plan is
        complete.
    """

    lease: float
    max_items: int
    excluded_regions: Callable[[], Collection[str]] = tuple


class PlanWriter:
    """One part of a job's plan, as it is stored.  Use it as a context.

    Entering it deletes what an engine that lost its lease left of the part.  The plan of a retry
    is written in the same way: its part exists, with items that are given a plan, and those that
    wait for a region come to the next part.  A small plan takes one transaction: its items are
    held until :meth:`finish`.

    Each method raises :class:`kingbird.exception.LeaseLost` if another engine plans the job.

    :param recounted: regions that a retry compares completely, so that images in sync there are
        counted anew.
    :param listed: the number of images that were listed, by region; it grows with the planning.
    :ivar claims: the tasks that :meth:`finish` has claimed.
    """

    def __init__(
        self,
        claim: Claim,
        part: int = 0,
        *,
        recounted: Collection[str] = (),
        listed: Mapping[str, int] | None = None,
    ) -> None:
        self._claim = claim
        self._listed = listed
        self._part = part
        self._recounted = recounted
        self._regions: set[str] = set()
        self._held: Sequence[dict[str, Any]] = ()
        self._held_findings = NOTHING
        self._open_items = 0
        #: When the part began, unless its job was claimed for it.
        self._began: int | None = None
        #: The numbers of the part's items, which :meth:`finish` stores.
        self._counts: Counts = Counter()
        #: The ids of the items that this batch adds, of which a commit may have stored some.
        self._added: set[str] = set()
        self.claims: list[Claim] = []

    def __enter__(self) -> "PlanWriter":
        # Otherwise nobody has planned the job before.
        if self._claim.generation != 1:
            unplanned.drop_unfinished(self._claim)
        if self._part:
            self._began = fresh_states.moment()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave an unfinished part as it is; it is deleted when the job is planned anew."""

    def add(self, rows: Sequence[dict[str, Any]], findings: Findings = NOTHING) -> None:
        """Store a batch of items, and what was found of their images.

        An image and region of an earlier part is left out, and an item of a retry is updated.

        :param rows: columns of ``Item``.  An item whose status is IN_PROGRESS is work for its
            region's task, any other has ended already.
        """
        self._added = set()
        findings.clear(self._claim, self._began)
        self._store(rows, findings)

    @connection.retry_on_disconnect
    def _store(self, rows: Sequence[dict[str, Any]], findings: Findings) -> None:
        def transaction(execute: batches.Execute) -> tuple[set[str], Counts]:
            with connection.writer() as session:
                fence(session, self._claim, **self._progress())
                stored = self._add(session, rows, execute)
                findings.store(session, self._claim.job, execute, self._began)
                return stored

        regions, numbers = batches.write(transaction)
        self._regions |= regions
        self._counts = counts.add(self._counts, numbers)
        self._open_items += plan_rows.count_open(rows)

    def _progress(self) -> dict[str, Any]:
        return {"listed": dict(self._listed)} if self._listed else {}

    def hold(self, rows: Sequence[dict[str, Any]], findings: Findings = NOTHING) -> None:
        """Store a batch of items with the next one, at :meth:`flush` or at :meth:`finish`.

        :param findings: what was found of their images, and of others.
        """
        self.flush()
        self._held, self._added = rows, set()
        self._held_findings = findings

    def flush(self) -> None:
        """Store the items that are held, so that they can be read."""
        if self._held or self._held_findings:
            self.add(self._held, self._held_findings)
            self._held, self._held_findings = (), NOTHING

    def _add(
        self, session: orm.Session, rows: Sequence[dict[str, Any]], execute: batches.Execute
    ) -> tuple[set[str], Counts]:
        """Store a batch in a fenced transaction.

        :returns: the regions that it has work for, and the numbers of its items.  Those of a
            retry are stored at once, as planning it goes on after a crash.
        """
        claim = self._claim
        numbers: Counts = Counter()
        by_id = {item_id(claim.job.id, row["resource"], row["target_region"]): row for row in rows}
        known, now = plan_rows.known(session, claim.job.pk, by_id), read_now(session)
        added, changed, regions = [], [], set()
        for key, row in by_id.items():
            columns = {"plan_generation": claim.generation, **row}
            is_open = row["status"] == ItemState.IN_PROGRESS
            item = known.get(key)
            if item is None:
                columns.update(job_pk=claim.job.pk, part=self._part, id=key, written_at=now)
                added.append(
                    {"created_at": now, "updated_at": None if is_open else now, **columns}
                )
                self._added.add(key)
            elif (item.action, item.status) == (RETRY, ItemState.IN_PROGRESS):
                # It may have waited since an earlier part.
                times = {"updated_at": now, "written_at": now}
                changed.append({"pk": item.pk, "part": self._part, **times, **columns})
                numbers.subtract(plan_rows.number(row["target_region"], item))
            elif (item.part, item.plan_generation) != (self._part, claim.generation):
                continue
            elif key in self._added:
                numbers.update(plan_rows.number(row["target_region"], item))
            # A commit whose answer was lost is run again, and finds its own rows.
            if is_open:
                regions.add(row["target_region"])
        written: list[batches.Row] = []
        if added:
            written += execute(session, sa.insert(Item), added, plan_rows.unstorable)
        if changed:
            written += execute(session, sa.update(Item), changed, plan_rows.unstorable)
        for row in written:
            data, size = row.get("data"), row.get("bytes")
            numbers.update(
                counts.of(row["target_region"], row["status"], row["reason"], data, size)
            )
        if claim.job.plan_rest != RETRY_REST:
            return regions, numbers
        if written:
            # Planning a retry goes on from here, and any other part begins anew.
            stored = counts.add_to_job(session, claim.job.pk, numbers)
            fence(session, claim, progress=True, counts=stored)
        return regions, Counter()

    @connection.retry_on_disconnect
    def finish(
        self,
        in_sync: Mapping[str, int],
        cursor: Mapping[str, Any] | None = None,
        take: Take | None = None,
        *,
        no_data: Mapping[str, int] | None = None,
        figures: Figures | None = None,
        compared: Collection[str] | None = None,
    ) -> Ending:
        """Store the items that are held, and let the part's tasks be claimed.

        :param in_sync: the number of images in sync that have no item, by region.
        :param cursor: the point from which another part goes on, or ``None`` if nothing is left.
            It is :data:`RETRY_REST` if some items of a retry wait for their plan.
        :param take: the tasks to claim for the engine that planned them; they are in ``claims``
            afterwards.
        :param no_data: the number of images in sync but for their data that have no item.
        :param figures: what is known of the regions that were compared completely.
        :param compared: the regions whose items for all images a retry has dealt with; all of
            them without it.
        :returns: the open tasks of the job; what is left to plan counts as one.  If there is
            none, the job has ended.
        """
        counts = in_sync, no_data or {}
        self._held_findings.clear(self._claim, self._began)
        if figures is not None:
            figures.clear(self._claim)
        if cursor is None and self._claim.job.plan_rest == RETRY_REST:
            while retried_items.end_most_left_out(self._claim, len(self._held)):
                self.flush()
        return batches.write(
            lambda execute: self._finish(counts, cursor, take, figures, compared, execute)
        )

    def _finish(
        self,
        found: tuple[Mapping[str, int], Mapping[str, int]],
        cursor: Mapping[str, Any] | None,
        take: Take | None,
        figures: Figures | None,
        compared: Collection[str] | None,
        execute: batches.Execute,
    ) -> Ending:
        with connection.writer() as session:
            fence(session, self._claim, progress=True, **self._progress())
            regions_held: set[str] = set()
            numbers: Counts = self._counts
            if self._held:
                regions_held, held = self._add(session, self._held, execute)
                numbers = counts.add(numbers, held)
            job = session.get_one(Job, self._claim.job.pk, populate_existing=True)
            is_retry, has_rest = job.plan_rest == RETRY_REST, cursor is not None
            # The part of a retry exists before its plan.
            if job.plan_parts == self._part + is_retry:
                if is_retry:
                    numbers = counts.add(
                        numbers, retried_items.drop_compared(session, job.pk, compared)
                    )
                    if not has_rest:
                        numbers = counts.add(numbers, retried_items.end_left_out(session, job.pk))
                    regions = retried_items.regions_of(session, job.pk, self._part)
                else:
                    regions = self._regions | regions_held
                open_items = self._open_items + plan_rows.count_open(self._held)
                cost = turns.cost_of_task(open_items // max(1, len(regions)))
                turn = turns.start(session, job.project_id)
                session.add_all(
                    Task(
                        job_pk=job.pk,
                        plan_generation=self._claim.generation,
                        part=self._part,
                        region=region,
                        turn=0 if job.cancelled else turn + cost * number,
                    )
                    for number, region in enumerate(turns.in_order(regions, job.pk), start=1)
                )
                in_sync, no_data = (
                    self._counted(before, new)
                    for before, new in zip((job.in_sync, job.no_data), found, strict=True)
                )
                before = [] if job.planned_at is None else job.counts
                runs.change(
                    session,
                    runs.of(job),
                    in_sync=in_sync,
                    no_data=no_data,
                    # Nobody has kept the numbers of what an earlier release has planned.
                    counts=sa.null()
                    if before is None
                    else counts.dump(counts.add(counts.load(before), numbers)),
                    # The rest of the plan counts as one task: this part was it, and may leave
                    # another.
                    tasks_open=job.tasks_open
                    + len(regions)
                    + has_rest
                    - (job.plan_rest is not None),
                    plan_rest=dict(cursor) if cursor is not None else sa.null(),
                    **({} if has_rest else {"away": sa.null()}),
                    plan_parts=job.plan_parts + (has_rest or not is_retry),
                    turn=0 if job.cancelled else turn + cost * len(regions),
                    planned_at=job.planned_at or utc_now(),
                    updated_at=utc_now(),
                    # The engine's name stays: a job with a user's token ends with its engine.
                    **({"lease_expires": None} if regions and not has_rest else {}),
                )
                if take is not None and open_items <= take.max_items:
                    self._take(session, take)
            self._held_findings.store(session, self._claim.job, execute, self._began)
            if figures is not None:
                figures.store(session, self._claim.job)
            ending = end_if_done(session, self._claim.job)
            self.claims = self._taken(session) if take is not None and ending.open_tasks else []
        return ending

    def _counted(self, before: Mapping[str, int] | None, new: Mapping[str, int]) -> dict[str, int]:
        """Add counts by region to those of earlier parts and runs."""
        counts = {
            region: 0 if region in self._recounted else count
            for region, count in (before or {}).items()
        }
        for region, count in new.items():
            counts[region] = counts.get(region, 0) + count
        return counts

    def _take(self, session: orm.Session, take: Take) -> None:
        """Claim the tasks that the transaction has made."""
        session.flush()
        others = Task.region.not_in(sorted(take.excluded_regions()))
        taken = sa.update(Task).where(self._own_tasks(), others)
        values = {
            "engine_id": self._claim.engine_id,
            "lease_expires": now_ms() + int(take.lease * 1000),
            "claimed_at": now_ms(),
            "attempts": 1,
        }
        connection.write(session, taken.values(values))

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
            Task.kind == TaskKind.RECORDS,
        )
