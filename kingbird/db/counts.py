"""Keep the numbers of a job's items, so that no reader has to count them.

The numbers are a sum: those in the job's row, and the changes in the rows of its tasks.  Each
transaction that writes items adds the change to a row that it has locked anyway, so engines that
work on one job do not wait for each other.  The end of a job puts the sum into the job's row, and
from then on the tasks' rows do not count.

Engines of earlier releases keep no numbers.  A job that one of them has planned has none, and one
that such an engine has ended still has open items in its numbers.  The items of both are counted.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db.models import Item, Job, Task
from kingbird.states import ENDED_JOB_STATES, DataState, ItemState, TaskKind

#: Target region, status and reason; or target region, :data:`DATA` or :data:`BYTES`, and the state
#: of data.
Key = tuple[str, str, str | None]
#: Numbers of items, or their changes.
Counts = Counter[Key]
#: In the place of a status: the items whose data are in a state, and the bytes of these data.
DATA, BYTES = "data", "bytes"
#: By target region and state of the data: the number of items, and their bytes.
DataCounts = dict[str, dict[str, tuple[int, int]]]
#: The state of data after the end of an item that nobody works on any more, by the one before.
DATA_AT_END: Mapping[str, str | None] = {
    DataState.PENDING.value: DataState.NONE.value,
    DataState.IMPORTING.value: DataState.FAILED.value,
}
#: The same for an item that is tried again.
NO_DATA_YET: Mapping[str, str | None] = dict.fromkeys(map(str, DataState))


def of(
    region: str,
    status: str,
    reason: str | None,
    data: str | None = None,
    size: int | None = None,
    number: int = 1,
) -> Counts:
    """Return the numbers of some items that are alike.

    :param data: the state of their data, of a set that asks for data.
    :param size: the bytes of the data of them all.
    """
    found: Counts = Counter({(region, status, reason): number})
    if data is not None:
        found[region, DATA, str(data)] = number
        found[region, BYTES, str(data)] = size or 0
    return found


def change_of_data(region: str, before: str, after: str, size: int | None) -> Counts:
    """Return the change when the data of an item get into another state."""
    return Counter(
        {
            (region, DATA, str(before)): -1,
            (region, DATA, str(after)): 1,
            (region, BYTES, str(before)): -(size or 0),
            (region, BYTES, str(after)): size or 0,
        }
    )


def of_items(numbers: Counts) -> Counts:
    """Return the numbers of items by status and reason alone."""
    return Counter({key: one for key, one in numbers.items() if key[1] not in (DATA, BYTES)})


def of_data(numbers: Counts) -> DataCounts:
    """Return the numbers of items by the state of their data, and their bytes."""
    found: DataCounts = {}
    for (region, kind, state), number in numbers.items():
        if kind == DATA and number:
            size = numbers[region, BYTES, state]
            found.setdefault(region, {})[str(state)] = number, size
    return found


def dump(counts: Counts) -> list[Any]:
    """Return numbers in the form of the column."""
    return [[*key, number] for key, number in counts.items() if number]


def load(stored: Sequence[Sequence[Any]] | None) -> Counts:
    """Read numbers from the form of the column."""
    return Counter({(one[0], one[1], one[2]): int(one[3]) for one in stored or ()})


def add(*parts: Counts) -> Counts:
    """Return the sum of numbers and changes, without those that cancel each other out."""
    total: Counts = Counter()
    for part in parts:
        total.update(part)
    return Counter({key: number for key, number in total.items() if number})


def moved(
    before: Counts, status: str, reason: str | None, data: Mapping[str, str | None]
) -> Counts:
    """Return the change when some items get another status and reason.

    :param before: how many there are, as they are before.
    :param data: the states of data that change, with what they change to.
    """
    change: Counts = Counter()
    change.subtract(before)
    for (region, kind, old), number in before.items():
        if kind not in (DATA, BYTES):
            change[region, status, reason] += number
            continue
        state = data.get(str(old), old)
        if state is not None:
            change[region, kind, str(state)] += number
    return change


def open_ones(numbers: Counts) -> Counts:
    """Return the numbers of the items of a job that have not ended, and of all data."""
    return Counter(
        {
            key: number
            for key, number in numbers.items()
            if key[1] in (DATA, BYTES, ItemState.IN_PROGRESS)
        }
    )


def gained(change: Counts) -> Counter[str]:
    """Return by target region how many items have a status and reason that they had not."""
    regions: Counter[str] = Counter()
    for (region, _, _), number in of_items(change).items():
        if number > 0:
            regions[region] += number
    return regions


#: The columns that tell items apart in a count, and the numbers of those that are alike.
_BY = (Item.target_region, Item.status, Item.reason, Item.data)
# A sum is a decimal in some databases.
_NUMBERS = (sa.func.coalesce(sa.func.sum(Item.bytes), 0), sa.func.count())


def count(session: orm.Session, *where: sa.ColumnElement[bool]) -> Counts:
    """Count items of one job that match."""
    query = sa.select(*_BY, *_NUMBERS).where(*where).group_by(*_BY)
    found: Counts = Counter()
    for region, status, reason, data, size, number in session.execute(query):
        found.update(of(region, status, reason, data, int(size or 0), number))
    return found


def add_to_job(session: orm.Session, job_pk: int, change: Counts) -> Any:
    """Return what an UPDATE has to set in a job's row, which the transaction has locked.

    A job whose items nobody has kept numbers of stays without any.
    """
    stored = session.scalar(sa.select(Job.counts).where(Job.pk == job_pk).with_for_update())
    return sa.null() if stored is None else dump(add(load(stored), change))


def add_to_task(session: orm.Session, task_pk: int, change: Counts) -> list[Any]:
    """Return what an UPDATE has to set in a task's row, which the transaction has locked."""
    stored = session.scalar(sa.select(Task.counts).where(Task.pk == task_pk).with_for_update())
    return dump(add(load(stored), change))


def kept(session: orm.Session, job_pk: int, change: Counts) -> Counts | None:
    """Return the numbers of a job in progress, or ``None`` if nobody has kept them.

    :param change: what the transaction, which has locked the job's row, has changed and not
        stored.
    """
    stored = session.scalar(sa.select(Job.counts).where(Job.pk == job_pk))
    if stored is None:
        return None
    changes = session.scalars(sa.select(Task.counts).where(Task.job_pk == job_pk))
    return add(load(stored), *map(load, changes), change)


def of_ended(session: orm.Session, job_pk: int) -> Counts:
    """Return the numbers of a job that had ended when the transaction locked its row."""
    stored = session.scalar(sa.select(Job.counts).where(Job.pk == job_pk))
    total = load(stored)
    if stored is not None and are_final(total):
        return total
    return count(session, Item.job_pk == job_pk)


def are_final(total: Counts) -> bool:
    """Return whether numbers are those of a job whose items have all ended."""
    return all(number > 0 for number in total.values()) and not any(
        status == ItemState.IN_PROGRESS for _, status, _ in total
    )


class TaskFigures:
    """The changes of numbers in the tasks of jobs in progress, and their open tasks.

    :ivar changes: by job, the changes of the numbers.
    :ivar revisions: by job, a number that grows with each change of an item by a task.
    :ivar open_tasks: by job, how many tasks have not ended.
    :ivar data_tasks: by job, how many of these are for data.
    :ivar waits_for: by job, the regions that are away and that a task waits for.
    """

    def __init__(self, session: orm.Session, job_pks: Collection[int]) -> None:
        self.changes: defaultdict[int, Counts] = defaultdict(Counter)
        self.revisions: Counter[int] = Counter()
        self.open_tasks: Counter[int] = Counter()
        self.data_tasks: Counter[int] = Counter()
        self.waits_for: dict[int, set[str]] = {}
        if not job_pks:
            return
        columns = (Task.job_pk, Task.revision, Task.done, Task.kind, Task.counts)
        away = sa.case((Task.away_since.is_not(None), Task.region))
        query = sa.select(*columns, away).where(Task.job_pk.in_(sorted(job_pks)))
        for job_pk, revision, done, kind, stored, region in session.execute(query):
            self.revisions[job_pk] += revision
            self.open_tasks[job_pk] += not done
            self.data_tasks[job_pk] += not done and kind == TaskKind.DATA
            if region is not None and not done:
                self.waits_for.setdefault(job_pk, set()).add(region)
            if stored:
                self.changes[job_pk] = add(self.changes[job_pk], load(stored))

    def regions_awaited(self, job: Job) -> set[str]:
        """Return the regions that are away and that a task of a job, or its plan, waits for."""
        of_plan = job.away or {} if job.status not in ENDED_JOB_STATES else {}
        return self.waits_for.get(job.pk, set()) | of_plan.keys()


def of_jobs(session: orm.Session, jobs: Iterable[Job], tasks: TaskFigures) -> dict[int, Counts]:
    """Return the numbers of some jobs by their primary keys.

    There is one query if earlier releases have worked on some of them, and none otherwise.

    :param tasks: the figures of the tasks of those in progress.
    """
    found: dict[int, Counts] = {}
    unknown: list[int] = []
    for job in jobs:
        has_ended = job.status in ENDED_JOB_STATES
        if job.planned_at is None and not has_ended:
            found[job.pk] = Counter()
            continue
        total = load(job.counts)
        if not has_ended:
            total = add(total, tasks.changes[job.pk])
        if job.counts is None or (has_ended and not are_final(total)):
            unknown.append(job.pk)
        found[job.pk] = total
    if unknown:
        found.update(_count_jobs(session, unknown))
    return found


def _count_jobs(session: orm.Session, job_pks: Sequence[int]) -> dict[int, Counts]:
    """Count the items in the stored parts of the plans of some jobs."""
    query = (
        sa.select(Item.job_pk, *_BY, *_NUMBERS)
        .join(Job, Job.pk == Item.job_pk)
        .where(Item.job_pk.in_(job_pks), Item.part < Job.plan_parts)
        .group_by(Item.job_pk, *_BY)
    )
    found: dict[int, Counts] = {pk: Counter() for pk in job_pks}
    for pk, region, status, reason, data, size, number in session.execute(query):
        found[pk].update(of(region, status, reason, data, int(size or 0), number))
    return found
