"""Read the states of namespaces, a page at a time, and the figures of their regions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from kingbird import exception
from kingbird.db import connection
from kingbird.db.metadef_models import MetadefRegion, MetadefState
from kingbird.db.state_figures import RegionFigures
from kingbird.db.state_pages import Selection
from kingbird.resource_keys import key_of
from kingbird.states import ResourceType

#: The columns by which pages are sorted.
_SORT_KEYS = {"since": MetadefState.since, "name": MetadefState.name}
_COLUMNS = tuple(
    column for column in MetadefState.__table__.c if column.name not in {"pk", "compared_at"}
)


@connection.retry_on_disconnect
def page(
    selection: Selection, *, sort: str, limit: int, marker: str | None
) -> Sequence[Sequence[sa.Row[Any]]]:
    """Return a page of namespaces, each with its states.

    A namespace has its place by the first of its states that are selected.  All of its states are
    returned, each with the columns of ``MetadefState`` that are shown.

    :param sort: ``since`` or ``name``; ties are ordered by key.
    :param limit: the maximum of namespaces.
    :param marker: the name of the namespace before the page.
    :raises kingbird.exception.BadRequest: the marker is no namespace that is selected.
    """
    column, key = _SORT_KEYS[sort], MetadefState.resource
    place = sa.func.min(column)
    wanted = selection.where(MetadefState)
    query = sa.select(key).where(*wanted).group_by(key).order_by(place, key).limit(limit)
    with connection.reader() as session:
        if marker is not None:
            last = key_of(ResourceType.METADEF, marker)
            start = session.scalar(sa.select(place).where(key == last, *wanted))
            if start is None:
                raise exception.BadRequest(f"marker names nothing in this list: {marker}")
            query = query.having(sa.or_(place > start, sa.and_(place == start, key > last)))
        found = session.scalars(query).all()
        others = (
            sa.select(*_COLUMNS)
            .where(key.in_(found), *selection.visible(MetadefState))
            .order_by(column, MetadefState.pk)
        )
        rows: dict[str, list[sa.Row[Any]]] = defaultdict(list)
        for row in session.execute(others):
            rows[row.resource].append(row)
    return [rows[one] for one in found if one in rows]


def version(project_id: str | None) -> tuple[int, int]:
    """Return a value that changes with the states and with the figures.

    :param project_id: the project that owns the namespaces, which is of no account.
    """
    query = sa.select(sa.func.sum(MetadefRegion.revision), sa.func.count())
    ((total, number),) = connection.rows(query)
    return int(total or 0), number


def newest(selection: Selection) -> datetime | None:
    """Return the time of the youngest state that is as old as a selection asks for."""
    query = sa.select(sa.func.max(MetadefState.since)).where(*selection.where(MetadefState))
    return connection.scalar(query)


@connection.retry_on_disconnect
def figures(project_id: str | None) -> Mapping[str, RegionFigures]:
    """Return the figures by region, of those that were compared or have states.

    :param project_id: the project that owns the namespaces that are not in order and count, or
        ``None`` for every project.
    """
    state = (MetadefState.region, MetadefState.state)
    counted = (
        sa.select(*state, sa.func.count(), sa.func.min(MetadefState.since))
        .where(*Selection(project_id).visible(MetadefState))
        .group_by(*state)
    )
    found: dict[str, RegionFigures] = defaultdict(RegionFigures)
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    with connection.reader() as session:
        of_states = session.execute(counted).all()
        regions = session.scalars(sa.select(MetadefRegion)).all()
    for region, word, number, since in of_states:
        numbers[region][word] = number
        one = found[region]
        one.counts = numbers[region]
        one.oldest = since if one.oldest is None else min(one.oldest, since)
    for row in regions:
        if row.compared_at or row.away_since:
            one = found[row.region]
            one.compared_at, one.away_since = row.compared_at, row.away_since
            # The number of one project's is not known.
            has_number = project_id is None and row.compared_at is not None
            one.images = row.namespaces if has_number else None
    return dict(found)
