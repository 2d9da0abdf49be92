"""Keep the states of images that are not in order.

Each function works in the transaction of its caller, which stores a batch of a plan or of outcomes
under a fence: an engine that lost its lease writes no state either.  Each function first changes
the revisions of the regions whose states it changes (:func:`kingbird.db.region_states.touch`).
Rows are locked in the order job, task, items, states of regions, states of images.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import (
    batches,
    connection,
    equal_rows,
    fresh_states,
    region_states,
    stale_states,
)
from kingbird.db.clock import read_now, seconds_ago, utc_now
from kingbird.db.column_types import fit
from kingbird.db.fresh_states import Key
from kingbird.db.inserts import insert_new
from kingbird.db.leases import Claim
from kingbird.db.models import Job
from kingbird.db.state_models import ImageState
from kingbird.states import CopyState
from kingbird.stretch import Stretch
from kingbird.text import clean

#: A row's image, region and project.
_KEY = ("image_id", "region", "project_id")
#: The columns by which one finding is the same as another.
_COMPARED = (
    "name",
    "source_region",
    "state",
    "reason",
    "message",
    "differences",
    "image_status",
)


@dataclass(frozen=True)
class Findings:
    """The states of images that a batch of a plan has found.

    :ivar rows: columns of ``ImageState``; the state of an image in order is ``None``, and so is
        the project of one that is gone from its source region.
    :ivar stretches: images that were compared.
    """

    rows: Sequence[dict[str, Any]] = ()
    stretches: Sequence[Stretch] = ()

    def __bool__(self) -> bool:
        return bool(self.rows or self.stretches)

    def store(
        self, session: orm.Session, job: Job, execute: batches.Execute, began: int | None
    ) -> None:
        """Store what was found; see :func:`store`."""
        store(session, job, self, execute, began)

    def clear(self, claim: Claim, began: int | None) -> None:
        """Delete most of the states that were not found again; see :mod:`.stale_states`."""
        found = {_key(row) for row in self.rows}
        for stretch in self.stretches:
            if not (stretch.sources and stretch.targets):
                continue
            for one in _parts(stretch):
                # Most stretches with ids are those of a few named images.
                if one.ids is None or len(one.ids) * len(one.targets) >= connection.BATCH:
                    _clear(claim, one, found, began)


def store(
    session: orm.Session,
    job: Job,
    findings: Findings,
    execute: batches.Execute,
    began: int | None = None,
) -> None:
    """Store what was found of images.

    The age of a state that is still the same is kept.  A region that could not be asked changes
    nothing that is known, and neither does what was found of an image before another job wrote it.

    :param began: when the comparison began; see :func:`kingbird.db.fresh_states.find`.
    """
    if not findings:
        return
    rows = [one for one in findings.rows if one["project_id"] is not None]
    known: dict[Key, sa.Row[Any]] = {}
    for batch in batched(findings.rows, connection.BATCH):
        known.update(_known(session, batch))
    gone = _gone(job, findings.rows, known)
    for stretch in findings.stretches:
        gone.update(_others(session, job, stretch))
    for row in rows:
        gone.pop(_key(row), None)
    about = {_key(row) for row in rows if row["state"] is not None or _key(row) in known}
    about.update(gone)
    region_states.touch(session, {(project_id, region) for _, region, project_id in about})
    fresh = fresh_states.find(session, job, began, about)
    for batch in batched([one for one in rows if _key(one) not in fresh], connection.BATCH):
        _write(session, job, batch, known, execute)
    left = [pk for key, pk in gone.items() if key not in fresh]
    connection.delete_rows(session, ImageState, left)


def store_outcomes(
    session: orm.Session,
    job: Job,
    rows: Sequence[dict[str, Any]],
    execute: batches.Execute,
    before: CopyState = CopyState.MISSING,
) -> None:
    """Store the states of images after writes.

    In a region of which no rows are kept the images are counted.

    :param before: the state of those of them that have no row: they were ``missing`` before their
        records were written, and had ``no_data`` before the data came.
    """
    if not rows:
        return
    region_states.touch(session, {(row["project_id"], row["region"]) for row in rows})
    fresh_states.remember(session, rows)
    counted = []
    for batch in batched(rows, connection.BATCH):
        known = _known(session, batch)
        new = [row for row in batch if _key(row) not in known]
        bulk = region_states.find_bulk(session, new)
        in_bulk = {_key(row) for row in new if region_states.is_in_bulk(row, bulk)}
        left = [row for row in batch if _key(row) not in in_bulk]
        _write(session, job, left, known, execute)
        counted.append((new, in_bulk, bulk))
    for new, in_bulk, bulk in counted:
        # Data may have come to any copy that has no row.
        changed = [row for row in new if before is CopyState.NO_DATA or _key(row) in in_bulk]
        region_states.count_changed(session, changed, bulk, before)


def _gone(
    job: Job, rows: Sequence[Mapping[str, Any]], known: Mapping[Key, sa.Row[Any]]
) -> dict[Key, int]:
    """Return the primary keys of the states of images that are gone from their source region."""
    gone = {
        (row["image_id"], row["region"], row["source_region"])
        for row in rows
        if row["project_id"] is None
    }
    return {
        key: row.pk
        for key, row in known.items()
        if (row.image_id, row.region, row.source_region) in gone
        and (job.is_admin or row.project_id == job.project_id)
    }


def _key(row: Mapping[str, Any]) -> Key:
    return row["image_id"], row["region"], row["project_id"]


def _known(session: orm.Session, rows: Iterable[Mapping[str, Any]]) -> dict[Key, sa.Row[Any]]:
    """Return the stored states of some images, by image, region and project."""
    rows = list(rows)
    columns = [getattr(ImageState, name) for name in ("pk", *_KEY, *_COMPARED)]
    found = session.execute(
        sa.select(*columns).where(
            ImageState.image_id.in_({row["image_id"] for row in rows}),
            ImageState.region.in_({row["region"] for row in rows}),
        )
    )
    return {(row.image_id, row.region, row.project_id): row for row in found}


def _write(
    session: orm.Session,
    job: Job,
    rows: Collection[dict[str, Any]],
    known: Mapping[Key, sa.Row[Any]],
    execute: batches.Execute,
) -> None:
    """Insert, change and delete the rows of some images."""
    added: dict[Key, dict[str, Any]] = {}
    changed: list[dict[str, Any]] = []
    altered: list[dict[str, Any]] = []
    same: set[int] = set()
    ended: set[int] = set()
    for row in rows:
        before = known.get(_key(row))
        if before is None:
            if row["state"] is not None:
                added[_key(row)] = {**_stored(row), "job_id": job.id}
        elif row["state"] is None:
            ended.add(before.pk)
        elif row["state"] == CopyState.AWAY and before.state != CopyState.AWAY:
            same.add(before.pk)
        else:
            columns = {
                name: value
                for name, value in _stored(row).items()
                if name in _COMPARED and getattr(before, name) != value
            }
            if not columns:
                same.add(before.pk)
            else:
                columns.update(row=before.pk, job_id=job.id)
                (altered if before.state == row["state"] else changed).append(columns)
    table: Any = ImageState.__table__
    connection.delete_rows(session, ImageState, ended)
    for some, times in (
        (changed, {"compared_at": utc_now(), "since": utc_now()}),
        (altered, {"compared_at": utc_now()}),
    ):
        statement = sa.update(table).values(**times)
        equal_rows.update(session, statement, table.c.pk, some, execute, _unstorable)
    connection.update_rows(session, ImageState, sorted(same), job_id=job.id, compared_at=utc_now())
    if added:
        # A driver sends many rows at once only if their values are no functions.
        now = read_now(session)
        rows = [{**added[key], "since": now, "compared_at": now} for key in sorted(added)]
        # Another job may find the same at the same time.
        execute(session, insert_new(session, table, _KEY), rows, _unstorable)


def _stored(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a finding as they are read back."""
    message = row["message"]
    return {
        **fit(ImageState.__table__, dict(row)),
        "message": None if message is None else clean(message, _MESSAGE),
        "differences": row["differences"] or None,
    }


_MESSAGE: int = ImageState.__table__.c.message.type.limit  # type: ignore[attr-defined]


def _unstorable(row: batches.Row) -> batches.Row:
    """Return what takes the place of a state that the database refuses."""
    return {**row, "message": None, "differences": None, **({"name": ""} if "name" in row else {})}


def _others(session: orm.Session, job: Job, stretch: Stretch) -> dict[Key, int]:
    """Return the primary keys of the states in a stretch that the job has not found before."""
    if not (stretch.sources and stretch.targets):
        return {}
    found: dict[Key, int] = {}
    for one in _parts(stretch):
        found.update(_decided(one, session.execute(_others_query(job, one))))
    return found


def _others_query(job: Job, stretch: Stretch) -> Any:
    stale = [
        ImageState.image_id >= stretch.first,
        ImageState.image_id < stretch.end,
        ImageState.region.in_(stretch.targets),
        ImageState.source_region.in_(stretch.sources),
        # The job has found what has its id, maybe in another part of its plan.
        ImageState.job_id != job.id,
    ]
    if not stretch.all_projects:
        stale.append(ImageState.project_id == job.project_id)
    if stretch.ids is not None:
        stale.append(ImageState.image_id.in_(sorted(stretch.ids)))
    columns = (getattr(ImageState, name) for name in _KEY)
    return sa.select(*columns, ImageState.pk).where(*stale)


def _decided(stretch: Stretch, rows: Iterable[sa.Row[Any]]) -> dict[Key, int]:
    """Return the primary keys of those rows of which the walk finds nothing later."""
    return {
        (row.image_id, row.region, row.project_id): row.pk
        for row in rows
        if (row.image_id.lower(), row.region) not in stretch.undecided
        and (row.image_id, row.region, row.project_id) not in stretch.awaited
    }


def _parts(stretch: Stretch) -> Iterable[Stretch]:
    """Return a stretch in parts that name no more ids than a statement takes."""
    if stretch.ids is None:
        return [stretch]
    return [replace(stretch, ids=ids) for ids in batched(sorted(stretch.ids), connection.BATCH)]


def _clear(claim: Claim, stretch: Stretch, found: Collection[Key], began: int | None) -> None:
    """Delete most of the states in a stretch that the job has not found before.

    :param found: images, regions and projects of which it finds something now.
    """

    def delete(session: orm.Session, page: Sequence[sa.Row[Any]]) -> int:
        stale = _decided(stretch, page)
        for key in found & stale.keys():
            del stale[key]
        region_states.touch(session, {(project_id, region) for _, region, project_id in stale})
        fresh = fresh_states.find(session, claim.job, began, stale)
        left = [pk for key, pk in stale.items() if key not in fresh]
        connection.delete_rows(session, ImageState, left)
        return len(left)

    stale_states.clear(claim, _others_query(claim.job, stretch), ImageState.image_id, delete)


@connection.retry_on_disconnect
def purge(older_than: float, limit: int) -> int:
    """Delete states that no comparison has found for long: their projects or rules are gone.

    :param older_than: seconds since the last comparison.
    :param limit: the number of rows to delete at most.
    :returns: the number of deleted rows.
    """
    query = sa.select(ImageState.pk, ImageState.project_id, ImageState.region).where(
        ImageState.compared_at < seconds_ago(older_than)
    )
    with connection.writer() as session:
        old = session.execute(query.order_by(ImageState.compared_at).limit(limit)).all()
        region_states.touch(session, {(row.project_id, row.region) for row in old})
        connection.delete_rows(session, ImageState, [row.pk for row in old])
        return len(old)
