"""The imports of data: what an engine's turn begins with, and the limits of all engines.

A turn ends with :func:`kingbird.db.outcomes.record` or :func:`kingbird.db.outcomes.end_task`.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection, counts
from kingbird.db.clock import now_ms
from kingbird.db.counts import Counts
from kingbird.db.leases import Claim, fence
from kingbird.db.models import Item, Task
from kingbird.states import DataState

#: Imports that a turn looks at.  There are more only if users have begun them.
MAX_RUNNING = 80


class Turn(NamedTuple):
    """The items of a task that a turn is about.

    :ivar now: milliseconds of the database's clock.
    :ivar running: items whose data are being imported.
    :ivar waiting: the first of those whose import may be asked for.
    :ivar next_due: when the import of another one may be asked for, if there is one.
    """

    now: int
    running: Sequence[Item]
    waiting: Sequence[Item]
    next_due: int | None

    @property
    def items(self) -> Sequence[Item]:
        """All of these items."""
        return [*self.running, *self.waiting]


class Limits(NamedTuple):
    """How many imports may run at a time, over all engines and jobs.

    :ivar imports: into a target region.
    :ivar exports: out of a source region.
    """

    imports: int
    exports: int


def _of(claim: Claim) -> sa.ColumnElement[bool]:
    """Match the items of a task whose data are to arrive."""
    task = claim.region_task
    return sa.and_(
        Item.job_pk == task.job_pk,
        Item.part == task.part,
        Item.target_region == task.region,
        Item.waits_for_data,
    )


@connection.retry_on_disconnect
def begin_turn(claim: Claim, max_waiting: int) -> Turn:
    """Return the items of a task to look at: images that others refer to first, then small ones.

    :param max_waiting: the largest number of items that wait.
    """
    pending = sa.and_(_of(claim), Item.data == DataState.PENDING)
    with connection.reader() as session:
        now = session.scalar(sa.select(now_ms())) or 0
        running = session.scalars(
            sa.select(Item)
            .where(_of(claim), Item.data == DataState.IMPORTING)
            .order_by(Item.data_since, Item.pk)
            .limit(MAX_RUNNING)
        ).all()
        waiting = session.scalars(
            sa.select(Item)
            .where(pending, sa.or_(Item.data_due.is_(None), Item.data_due <= now))
            .order_by(Item.rank, Item.bytes, Item.pk)
            .limit(max_waiting)
        ).all()
        next_due = session.scalar(
            sa.select(sa.func.min(Item.data_due)).where(pending, Item.data_due > now)
        )
    return Turn(now, running, waiting, next_due)


def is_any_open(claim: Claim) -> bool:
    """Return whether data of a task are still to arrive."""
    return bool(connection.scalar(sa.select(sa.exists().where(_of(claim)))))


@connection.retry_on_disconnect
def reserve(claim: Claim, items: Sequence[Item], limits: Limits) -> list[Item]:
    """Mark items as being imported, as far as the limits allow, before Glance is asked.

    Engines that do so at the same time see each other afterwards, and those that see too many
    give theirs back, so that there are never too many that stay.

    :param items: the items whose import is to be asked for, the first ones first.
    :returns: the items that may be imported now.
    :raises kingbird.exception.LeaseLost: another engine has the task by now.
    """
    with connection.writer() as session:
        fence(session, claim)
        taken = _within(items, _running(session, claim.region_task.region, items), limits)
        _set(session, claim, taken, DataState.PENDING, DataState.IMPORTING)
    if not taken:
        return []
    with connection.reader() as session:
        running = _running(session, claim.region_task.region, taken)
    kept = _within_all(taken, running, limits)
    lost = [item for item in taken if item not in kept]
    if lost:
        with connection.writer() as session:
            fence(session, claim)
            _set(session, claim, lost, DataState.IMPORTING, DataState.PENDING)
    return kept


class _Running(NamedTuple):
    """Imports that run: into the target, and by source."""

    target: int
    sources: Mapping[str, int]


def _running(session: orm.Session, target: str, items: Collection[Item]) -> _Running:
    sources = sorted({item.source_region for item in items})
    importing = Item.data == DataState.IMPORTING
    into = sa.select(sa.func.count()).where(importing, Item.target_region == target)
    out_of = (
        sa.select(Item.source_region, sa.func.count())
        .where(importing, Item.source_region.in_(sources))
        .group_by(Item.source_region)
    )
    found = {row[0]: row[1] for row in session.execute(out_of)}
    return _Running(session.scalar(into) or 0, found)


def _within(items: Sequence[Item], running: _Running, limits: Limits) -> list[Item]:
    """Return the first of some items that don't run yet, as many as may run besides."""
    taken: list[Item] = []
    by_source = Counter(running.sources)
    for item in items:
        if running.target + len(taken) >= limits.imports:
            break
        if by_source[item.source_region] < limits.exports:
            by_source[item.source_region] += 1
            taken.append(item)
    return taken


def _within_all(items: Sequence[Item], running: _Running, limits: Limits) -> list[Item]:
    """Return the first of some items that run already, without those that are too many."""
    kept = list(items)
    total, by_source = running.target, Counter(running.sources)
    for item in reversed(items):
        if total > limits.imports or by_source[item.source_region] > limits.exports:
            kept.remove(item)
            total -= 1
            by_source[item.source_region] -= 1
    return kept


def _set(
    session: orm.Session, claim: Claim, items: Sequence[Item], before: DataState, after: DataState
) -> None:
    """Change the state of the data of some items, and the numbers of their task.

    A commit whose answer was lost is run again, and finds the items changed.
    """
    if not items:
        return
    chosen = sa.and_(
        Item.pk.in_([item.pk for item in items]), Item.waits_for_data, Item.data == before
    )
    changed: Counts = Counter()
    keys = []
    query = sa.select(Item.pk, Item.bytes).where(chosen).with_for_update()
    for pk, size in session.execute(query):
        keys.append(pk)
        region = claim.region_task.region
        changed.update(counts.change_of_data(region, before, after, size))
    connection.update_rows(session, Item, keys, data=after, data_since=now_ms())
    task_pk = claim.region_task.pk
    numbers = counts.add_to_task(session, task_pk, changed)
    connection.write(session, sa.update(Task).where(Task.pk == task_pk).values(counts=numbers))
