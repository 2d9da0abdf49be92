"""Read the states of images, a page at a time."""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird import exception
from kingbird.batching import batched
from kingbird.db import connection
from kingbird.db.clock import seconds_ago
from kingbird.db.state_models import ImageState

#: The columns by which pages are sorted.
SORT_KEYS = {"since": ImageState.since, "name": ImageState.name}
#: Indexes by image and by name.
_BY_IMAGE = "uniq_image_states0image0region0project"
_BY_NAME, _BY_PROJECT_AND_NAME = "image_states_name_idx", "image_states_project_name_idx"
#: Rows that a page reads of an index at first, and at a time.
LEAST_READ, MOST_READ = 500, 10_000
#: The columns of a state that are shown.  Each column of thousands of rows costs.
_COLUMNS = tuple(
    column for column in ImageState.__table__.c if column.name not in {"pk", "compared_at"}
)


@dataclass(frozen=True)
class Selection:
    """The states that a reader asks for.

    :ivar project_id: the project that owns the images, or ``None`` for every project.
    :ivar older_than: seconds since which the state is at least the same.
    """

    project_id: str | None
    regions: Collection[str] = ()
    states: Collection[str] = ()
    name: str | None = None
    older_than: int | None = None

    def where(self, row: Any) -> list[sa.ColumnElement[bool]]:
        """Return the conditions of the rows that are selected."""
        wanted = self.visible(row)
        if self.regions:
            wanted.append(row.region.in_(sorted(self.regions)))
        if self.states:
            wanted.append(row.state.in_(sorted(self.states)))
        if self.name is not None:
            wanted.append(row.name == self.name)
        if self.older_than is not None:
            wanted.append(row.since <= seconds_ago(self.older_than))
        return wanted

    def visible(self, row: Any) -> list[sa.ColumnElement[bool]]:
        """Return the condition of the rows that the reader may see."""
        return [] if self.project_id is None else [row.project_id == self.project_id]


def ids(project_id: str | None, first: str, last: str) -> Sequence[str]:
    """Return the ids after one, up to another, of images that have a state.

    :param project_id: the project that owns them, or ``None`` for every project.
    """
    query = sa.select(ImageState.image_id).where(
        ImageState.image_id > first,
        ImageState.image_id <= last,
        *Selection(project_id).visible(ImageState),
    )
    return connection.scalars(query.distinct())


def of_image(image_id: str, project_id: str) -> dict[str, ImageState]:
    """Return the states of a project's image, by region."""
    query = sa.select(ImageState).where(
        ImageState.image_id == image_id, ImageState.project_id == project_id
    )
    return {row.region: row for row in connection.scalars(query)}


@connection.retry_on_disconnect
def page(
    selection: Selection, *, sort: str, limit: int, marker: str | None
) -> Sequence[Sequence[sa.Row[Any]]]:
    """Return a page of images, each with its states.

    An image has its place by the first of its states that are selected.  All of its states are
    returned, each with the columns of ``ImageState`` that are shown.

    :param sort: a key of :data:`SORT_KEYS`; ties are ordered by id.
    :param limit: the maximum of images.
    :param marker: the id of the image before the page.
    :raises kingbird.exception.BadRequest: the marker is no image that is selected.
    """
    with connection.reader() as session:
        found = _find_places(session, selection, SORT_KEYS[sort], limit, marker)
        others = (
            sa.select(*_COLUMNS)
            .where(ImageState.image_id.in_(found), *selection.visible(ImageState))
            .with_hint(ImageState, f"FORCE INDEX ({_BY_IMAGE})", "mysql")
            .order_by(SORT_KEYS[sort], ImageState.pk)
        )
        by_image: dict[str, list[sa.Row[Any]]] = defaultdict(list)
        for row in session.execute(others):
            by_image[row.image_id].append(row)
    return [by_image[image_id] for image_id in found if image_id in by_image]


def _find_places(
    session: orm.Session, selection: Selection, column: Any, limit: int, marker: str | None
) -> list[str]:
    """Return the ids of a page's images.

    An index is read from the page's beginning on, until it has named enough images.  Of each part
    the database returns the images alone, as each may have as many rows as there are regions.
    """
    query = sa.select(column.label("place"), ImageState.image_id).where(
        *selection.where(ImageState)
    )
    if selection.name is not None:
        # Few images have a name, and no index has both it and the order.
        index = _BY_NAME if selection.project_id is None else _BY_PROJECT_AND_NAME
        query = query.with_hint(ImageState, f"FORCE INDEX ({index})", "mysql")
    query = query.order_by(column, ImageState.image_id)
    start = last = _place_of(session, selection, column, marker)
    seen: set[str] = set()
    found: list[str] = []
    size = max(limit, LEAST_READ)
    while True:
        rest = query if last is None else query.where(_is_after(column, *last))
        part = rest.limit(size).subquery()
        images = session.execute(
            sa.select(part.c.image_id, sa.func.count())
            .group_by(part.c.image_id)
            .order_by(sa.func.min(part.c.place), part.c.image_id)
        ).all()
        new = [image_id for image_id, _ in images if image_id not in seen]
        seen.update(new)
        earlier = _before(session, selection, column, new, start)
        found += [image_id for image_id in new if image_id not in earlier]
        if len(found) >= limit or sum(number for _, number in images) < size:
            break
        end = session.execute(rest.offset(size - 1).limit(1)).first()
        if end is None:
            # Rows have been deleted meanwhile.
            break
        last = end[0], end[1]
        size = min(2 * size, MOST_READ)
    return found[:limit]


def _place_of(
    session: orm.Session, selection: Selection, column: Any, image_id: str | None
) -> tuple[Any, str] | None:
    """Return the place of an image in a list.

    :raises kingbird.exception.BadRequest: the image is not selected.
    """
    if image_id is None:
        return None
    place = session.scalar(
        sa.select(column)
        .with_hint(ImageState, f"FORCE INDEX ({_BY_IMAGE})", "mysql")
        .where(ImageState.image_id == image_id, *selection.where(ImageState))
        .order_by(column)
        .limit(1)
    )
    if place is None:
        raise exception.BadRequest(f"marker names nothing in this list: {image_id}")
    return place, image_id


def _is_after(column: Any, value: Any, image_id: str) -> sa.ColumnElement[bool]:
    # The first condition is what an index is searched for.
    later = sa.or_(column > value, ImageState.image_id > image_id)
    return sa.and_(column >= value, later)


def _before(
    session: orm.Session,
    selection: Selection,
    column: Any,
    ids: Sequence[str],
    place: tuple[Any, str] | None,
) -> set[str]:
    """Return those of some images that have their place before a page begins."""
    earlier: set[str] = set()
    if place is None:
        return earlier
    value, image_id = place
    before = sa.or_(column < value, ImageState.image_id <= image_id)
    for some in batched(ids, connection.BATCH):
        query = (
            sa.select(ImageState.image_id)
            .where(ImageState.image_id.in_(some), *selection.where(ImageState))
            .where(column <= value, before)
            .with_hint(ImageState, f"FORCE INDEX ({_BY_IMAGE})", "mysql")
        )
        earlier.update(session.scalars(query))
    return earlier


def newest(selection: Selection) -> datetime | None:
    """Return the time of the youngest state that is as old as a selection asks for.

    As long as no state changes, it tells whether another one has become so old.
    """
    query = sa.select(sa.func.max(ImageState.since)).where(
        *dataclasses.replace(selection, regions=(), states=(), name=None).where(ImageState)
    )
    return connection.scalar(query)
