"""Count the images that are not in order, by region and state.

A process counts the images of a region anew only if the region's revision has changed since: every
transaction that changes states of images changes the revisions of their regions.  What was counted
may be newer than the revision that was read before, and never older.
"""

import threading
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import connection
from kingbird.db.state_models import ImageState, RegionState
from kingbird.states import ALL

#: The regions whose numbers a process keeps, each once for every project that was read.
MOST_KEPT = 20_000

#: A project, or ``None`` for every project, and a region.
_Place = tuple[str | None, str]


@dataclass(frozen=True)
class Counted:
    """The images of a region that are not in order.

    :ivar numbers: by state.
    :ivar oldest: by state, the time since which the oldest one is the same.
    """

    numbers: Mapping[str, int] = field(default_factory=dict)
    oldest: Mapping[str, datetime] = field(default_factory=dict)


class _Kept:
    """Keep the figures of a database with the revisions that they are of.  Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[_Place, tuple[Any, Counted]] = {}

    def find(self, place: _Place, revision: Any) -> Counted | None:
        """Return what was counted for a revision."""
        with self._lock:
            kept = self._counted.get(place)
        return kept[1] if kept is not None and kept[0] == revision else None

    def add(self, place: _Place, revision: Any, counted: Counted) -> None:
        """Keep what was counted, and forget what was added first if it is too much."""
        with self._lock:
            self._counted.pop(place, None)
            self._counted[place] = revision, counted
            while len(self._counted) > MOST_KEPT:
                del self._counted[next(iter(self._counted))]


_kept: WeakKeyDictionary[Any, _Kept] = WeakKeyDictionary()


def revisions(session: orm.Session, project_id: str | None) -> dict[str, Any]:
    """Return by region a value that changes with the states of its images.

    :param project_id: the project that owns them, or ``None`` for every project.
    """
    if project_id is not None:
        query = sa.select(RegionState.region, RegionState.revision)
        rows = session.execute(query.where(RegionState.project_id == project_id))
        return {region: int(revision) for region, revision in rows}
    summed = sa.select(RegionState.region, sa.func.sum(RegionState.revision), sa.func.count())
    rows_of_all = session.execute(summed.group_by(RegionState.region))
    return {region: (int(total), number) for region, total, number in rows_of_all}


def count(session: orm.Session, project_id: str | None) -> dict[str, Counted]:
    """Count the images that are not in order, by region.

    :param project_id: the project that owns them, or ``None`` for every project.
    """
    kept = _kept.setdefault(session.get_bind().engine, _Kept())
    at = revisions(session, project_id)
    found = {region: kept.find((project_id, region), revision) for region, revision in at.items()}
    unknown = [region for region, counted in found.items() if counted is None]
    for region, counted in _count_anew(session, project_id, unknown).items():
        kept.add((project_id, region), at[region], counted)
        found[region] = counted
    return {region: counted for region, counted in found.items() if counted is not None}


def _count_anew(
    session: orm.Session, project_id: str | None, regions: Collection[str]
) -> dict[str, Counted]:
    """Count the images of some regions, whatever was counted before."""
    owned = [] if project_id is None else [ImageState.project_id == project_id]
    query = sa.select(
        ImageState.region, ImageState.state, sa.func.count(), sa.func.min(ImageState.since)
    ).group_by(ImageState.region, ImageState.state)
    numbers: dict[str, dict[str, int]] = {region: {} for region in regions}
    oldest: dict[str, dict[str, datetime]] = {region: {} for region in regions}
    for some in batched(sorted(regions), connection.BATCH):
        where = [*owned, ImageState.region.in_(some)]
        for region, state, number, since in session.execute(query.where(*where)):
            numbers[region][state] = number
            oldest[region][state] = since
    return {region: Counted(numbers[region], oldest[region]) for region in regions}


@dataclass
class RegionFigures:
    """The figures of a region.

    :ivar images: the images that the last complete comparison compared; ``None`` if there was
        none of the reader's images alone.
    :ivar counts: the images that are not in order, by state.
    :ivar bulk: states that nearly all images have, with the number of those without a row.
    :ivar oldest: the time since which the oldest state is the same.
    """

    images: int | None = None
    counts: Mapping[str, int] | None = None
    bulk: dict[str, int] | None = None
    oldest: datetime | None = None
    compared_at: datetime | None = None
    away_since: datetime | None = None


#: The condition of regions that were compared completely, or could not be.  Others have states of
#: images at most.
WAS_COMPARED = sa.or_(RegionState.compared_at.is_not(None), RegionState.away_since.is_not(None))
_COLUMNS = [
    getattr(RegionState, name)
    for name in (
        *("project_id", "region", "images", "bulk_missing", "bulk_no_data"),
        *("compared_at", "away_since"),
    )
]


def version(project_id: str | None) -> tuple[int, int]:
    """Return a value that changes with the states that a reader may see, and with the figures.

    :param project_id: the project that owns the images, or ``None`` for every project.
    """
    # One row, however many regions there are: pollers ask for it again and again.  Revisions grow,
    # and that of a new row is larger than any before.
    query = sa.select(sa.func.sum(RegionState.revision), sa.func.count())
    if project_id is not None:
        query = query.where(RegionState.project_id.in_([project_id, ALL]))
    ((total, number),) = connection.rows(query)
    return int(total or 0), number


@connection.retry_on_disconnect
def figures(project_id: str | None) -> Mapping[str, RegionFigures]:
    """Return the figures by region, of those that were compared or have states.

    :param project_id: the project that owns the images, or ``None`` for every project.
    """
    scope = ALL if project_id is None else project_id
    compared = sa.select(*_COLUMNS).where(RegionState.project_id.in_({scope, ALL}), WAS_COMPARED)
    found: dict[str, RegionFigures] = defaultdict(RegionFigures)
    with connection.reader() as session:
        counted = count(session, project_id)
        regions = session.execute(compared).all()
    for region, of_region in counted.items():
        if of_region.numbers:
            found[region].counts = of_region.numbers
            found[region].oldest = min(of_region.oldest.values())
    # Those of the reader's own scope come last, and count.
    for row in sorted(regions, key=lambda each: each.project_id == scope):
        one = found[row.region]
        is_own = row.project_id == scope
        one.images = row.images if is_own and row.compared_at else one.images
        one.compared_at = max(filter(None, (one.compared_at, row.compared_at)), default=None)
        if is_own or one.away_since is None:
            one.away_since = row.away_since
        bulk = {"missing": row.bulk_missing, "no_data": row.bulk_no_data}
        bulk = {state: count for state, count in bulk.items() if count}
        if is_own or bulk:
            # Figures of all projects tell nothing about the number of one project.
            one.bulk = bulk if is_own else dict.fromkeys(bulk, 0)
    return dict(found)
