"""Select a page of a list, after the row of a marker."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import sqlalchemy as sa
from oslo_db.sqlalchemy import utils
from sqlalchemy import orm

from kingbird import exception
from kingbird.db.model_base import Base

#: The columns of a job's sort keys.  Primary keys grow with time and have an index, so they stand
#: for the time of creation.
JOB_KEYS = {
    "created_at": "pk",
    "updated_at": "changed_at",
    "sync_status": "status",
    "id": "id",
}
#: The columns of a rule's sort keys.
RULE_KEYS = {
    "created_at": "pk",
    "updated_at": "changed_at",
    "name": "name",
    "id": "id",
}
#: The columns of an item's sort keys.
ITEM_KEYS = {
    "created_at": "pk",
    "updated_at": "changed_at",
    "resource": "resource",
    "source_region": "source_region",
    "target_region": "target_region",
    "sync_status": "status",
    "reason": "reason_or_empty",
    "id": "id",
}
DIRECTIONS = ("asc", "desc")


class Wanted(TypedDict, total=False):
    """The page that is wanted of a list, as :func:`page` takes it."""

    limit: int | None
    marker: str | None
    sort_key: str
    sort_dir: str


def page(
    session: orm.Session,
    query: sa.Select[Any],
    model: type[Base],
    *narrower: sa.ColumnElement[bool],
    keys: Mapping[str, str],
    after: Any = None,
    limit: int | None = None,
    marker: str | None = None,
    sort_key: str = "created_at",
    sort_dir: str = "desc",
) -> Sequence[Any]:
    """Return a page of what a query selects.

    Rows that are alike by the sort key come as they were made, in the same direction.

    :param query: all rows that the caller can see, in no order: objects of the model, or columns
        of it with its primary key.
    :param narrower: which of them are listed.  The marker needn't be one any more: a job may
        end between two pages of those that run.
    :param keys: the columns by their sort keys.
    :param marker: the id of the row that the page comes after.
    :param after: that row itself, which may have been deleted since; the marker does not count.
    :param sort_dir: ``asc`` or ``desc``.
    :raises kingbird.exception.BadRequest: the list has no row with the marker's id, or there is
        no such sort key; the message names it.
    """
    if sort_key not in keys:
        raise exception.BadRequest(f"sort_key is unknown: {sort_key}")
    columns = list(dict.fromkeys((keys[sort_key], "pk")))
    read: Any = session.scalars
    if query.column_descriptions[0]["expr"] is not model:
        read = session.execute
        if columns[0] not in query.selected_columns:
            # The next page is searched for by what the sort key is computed from.
            query = query.add_columns(getattr(model, columns[0]).label(columns[0]))
    last = after
    if marker is not None and last is None:
        identity: Any = getattr(model, "id")  # noqa: B009  each model of a list has one
        last = read(query.where(identity == marker)).one_or_none()
        if last is None:
            raise exception.BadRequest(f"marker names nothing in this list: {marker}")
    paged = utils.paginate_query(
        query.where(*narrower), model, limit, columns, marker=last, sort_dir=sort_dir
    )
    return read(paged).all()
