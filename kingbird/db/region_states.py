"""Keep the figures of regions, what they keep no rows of, and the revisions of their states.

Each function works in the transaction of its caller, as those of :mod:`kingbird.db.image_states`
do.  Of several regions the rows are locked in the order of their projects and names.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import connection, stale_states
from kingbird.db.clock import utc_now
from kingbird.db.column_types import fit
from kingbird.db.inserts import insert_new, insert_or_update
from kingbird.db.leases import Claim
from kingbird.db.models import Job
from kingbird.db.state_models import ImageState, RegionState
from kingbird.states import ALL, CopyState

#: A project and a region.
Pair = tuple[str, str]
#: States of which a region may have so many that no rows are kept.
BULK = {CopyState.MISSING: "bulk_missing", CopyState.NO_DATA: "bulk_no_data"}
#: The figures of a region that was not compared yet.
_NO_IMAGES = {"images": 0, **dict.fromkeys(BULK.values(), 0)}


@dataclass(frozen=True)
class Figures:
    """The figures of regions that a complete comparison has found.

    :ivar all_projects: whether images of every project were compared.
    :ivar images: the number of images that were compared, by region; of those that could not be
        read completely too.
    :ivar bulk: regions and states of which no rows are kept, with the number of images.
    :ivar away: reason and message for regions that could not be read.
    :ivar is_continued: whether an earlier part of the plan has compared other images.
    :ivar known_regions: the regions of the service catalog, if it is the comparison of them all.
    :ivar unseen: regions of which earlier parts have compared no image.
    """

    all_projects: bool
    images: Mapping[str, int]
    bulk: Mapping[tuple[str, str], int] = field(default_factory=dict)
    away: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    is_continued: bool = False
    known_regions: Collection[str] = ()
    unseen: Collection[str] = ()

    def store(self, session: orm.Session, job: Job) -> None:
        """Store what was found; see :func:`store_figures`."""
        store_figures(session, job, self)

    def clear(self, claim: Claim) -> None:
        """Delete most of the states of which no rows are kept; see :mod:`.stale_states`."""
        scope = ALL if self.all_projects else claim.job.project_id
        for region in sorted({region for region, _ in self.bulk} - self.away.keys()):
            _clear(claim, _bulk_rows(scope, region, self))
        if self.known_regions:
            with connection.reader() as session:
                left = _left_regions(session, scope, self.known_regions)
            for some in batched(left, connection.BATCH):
                in_scope = _in_scope(ImageState.project_id, scope)
                _clear(claim, [ImageState.region.in_(some), *in_scope])


def touch(session: orm.Session, pairs: Iterable[Pair]) -> None:
    """Change the revisions of regions, whose states of images a transaction has changed.

    :param pairs: projects and regions.
    """
    table: Any = RegionState.__table__
    whole = {
        (row["project_id"], row["region"])
        for row in (fit(table, {"project_id": one, "region": region}) for one, region in pairs)
    }
    statement = insert_or_update(
        session, table, ("project_id", "region"), {"revision": table.c.revision + 1}
    )
    for some in batched(sorted(whole), connection.BATCH):
        session.execute(
            statement,
            [
                {"project_id": project_id, "region": region, **_NO_IMAGES}
                for project_id, region in some
            ],
        )


def bulk_of(project_id: str) -> set[tuple[str, str]]:
    """Return the regions that keep no rows of a state, with the state.

    :param project_id: the project of the comparisons that say so, or ``*`` for those of all.
    """
    query = sa.select(RegionState).where(RegionState.project_id == project_id)
    return {
        (row.region, state)
        for row in connection.scalars(query)
        for state, name in BULK.items()
        if getattr(row, name)
    }


def find_bulk(session: orm.Session, rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return project and region of those that keep no rows, as far as rows are about them."""
    if not rows:
        return set()
    found = session.execute(
        sa.select(RegionState.project_id, RegionState.region).where(
            RegionState.project_id.in_({ALL, *(row["project_id"] for row in rows)}),
            RegionState.region.in_({row["region"] for row in rows}),
            sa.or_(*(getattr(RegionState, name) > 0 for name in BULK.values())),
        )
    )
    return {(row.project_id, row.region) for row in found}


def is_in_bulk(row: Mapping[str, Any], bulk: Collection[tuple[str, str]]) -> bool:
    in_bulk = row["state"] is None or row["state"] in BULK
    return in_bulk and any((one, row["region"]) in bulk for one in (ALL, row["project_id"]))


def count_changed(
    session: orm.Session,
    rows: Sequence[Mapping[str, Any]],
    bulk: Collection[tuple[str, str]],
    before: CopyState,
) -> None:
    """Count images of regions that keep no rows in the state that they have now.

    :param rows: the images, with their states.
    :param bulk: projects and regions, of which some may have none of the images.
    :param before: the state that all images had.
    """
    for project_id, region in sorted(bulk):
        states = [
            row["state"]
            for row in rows
            if row["region"] == region and project_id in (ALL, row["project_id"])
        ]
        gone = sum(state != before for state in states)
        without = sum(state == CopyState.NO_DATA for state in states)
        if not gone:
            # The revision of the region would change.
            continue
        left = getattr(RegionState, BULK[before]) - gone
        values = {BULK[before]: sa.case((left > 0, left), else_=0)}
        if before is not CopyState.NO_DATA:
            values[BULK[CopyState.NO_DATA]] = RegionState.bulk_no_data + without
        _change(session, project_id, region, values)


def store_figures(session: orm.Session, job: Job, figures: Figures) -> None:
    """Store what a complete comparison tells of its regions."""
    scope = ALL if figures.all_projects else job.project_id
    regions = sorted({*figures.images, *figures.away})
    if not regions:
        return
    known = set(
        session.scalars(
            sa.select(RegionState.region).where(
                RegionState.project_id == scope, RegionState.region.in_(regions)
            )
        )
    )
    for region in regions:
        away = figures.away.get(region)
        columns: dict[str, Any] = {
            "reason": away and away[0],
            "message": away and away[1],
            "away_since": sa.func.coalesce(RegionState.away_since, utc_now()) if away else None,
        }
        if region in figures.images:
            images: Any = figures.images[region]
            if figures.is_continued and region in known and region not in figures.unseen:
                images = RegionState.images + images
            columns["images"] = images
        if away is None:
            bulk = {name: figures.bulk.get((region, state), 0) for state, name in BULK.items()}
            columns.update(compared_at=utc_now(), **bulk)
            _drop_bulk(session, scope, region, figures)
        if region in known:
            _change(session, scope, region, columns)
        else:
            row = {**_NO_IMAGES, **columns}
            if away:
                row["away_since"] = utc_now()
            statement = insert_new(session, RegionState.__table__, ("project_id", "region"))
            session.execute(statement.values(project_id=scope, region=region, **row))
    if figures.known_regions:
        _forget_regions(session, scope, figures.known_regions)


def _change(session: orm.Session, project_id: str, region: str, values: Mapping[str, Any]) -> None:
    row = (RegionState.project_id == project_id, RegionState.region == region)
    connection.write(session, sa.update(RegionState).where(*row).values(**values))


def _drop_bulk(session: orm.Session, scope: str, region: str, figures: Figures) -> None:
    """Delete the rows that were stored before there were too many of them."""
    if not any(where == region for where, _ in figures.bulk):
        return
    connection.write(session, sa.delete(ImageState).where(*_bulk_rows(scope, region, figures)))
    in_scope = _in_scope(RegionState.project_id, scope)
    regions = sa.update(RegionState).where(RegionState.region == region, *in_scope)
    connection.write(session, regions.values(revision=RegionState.revision + 1))


def _bulk_rows(scope: str, region: str, figures: Figures) -> list[sa.ColumnElement[bool]]:
    """Match the rows of a region in the states of which it has too many."""
    states = [state for where, state in figures.bulk if where == region]
    in_scope = _in_scope(ImageState.project_id, scope)
    return [ImageState.region == region, ImageState.state.in_(states), *in_scope]


def _clear(claim: Claim, where: Sequence[sa.ColumnElement[bool]]) -> None:
    """Delete most of some rows, a batch a transaction."""

    def delete(session: orm.Session, page: Sequence[sa.Row[Any]]) -> int:
        touch(session, {(row.project_id, row.region) for row in page})
        connection.delete_rows(session, ImageState, [row.pk for row in page])
        return len(page)

    query = sa.select(ImageState.pk, ImageState.project_id, ImageState.region).where(*where)
    stale_states.clear(claim, query, ImageState.pk, delete)


def _forget_regions(session: orm.Session, scope: str, regions: Collection[str]) -> None:
    """Delete what is known of regions that have left the catalog.

    Whoever stores states of such a region at the same time waits for its row, or has committed
    them.
    """
    for some in batched(_left_regions(session, scope, regions), connection.BATCH):
        for model in (RegionState, ImageState):
            in_scope = _in_scope(model.project_id, scope)
            connection.write(session, sa.delete(model).where(model.region.in_(some), *in_scope))


def _left_regions(session: orm.Session, scope: str, regions: Collection[str]) -> list[str]:
    """Return the regions of which something is known, but those of the catalog."""
    left = sa.select(RegionState.region).where(
        RegionState.region.not_in(sorted(regions)), *_in_scope(RegionState.project_id, scope)
    )
    return sorted(set(session.scalars(left)))


def _in_scope(column: Any, scope: str) -> list[sa.ColumnElement[bool]]:
    return [] if scope == ALL else [column == scope]
