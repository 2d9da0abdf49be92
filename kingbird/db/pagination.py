"""Select a page of a list, after the row of a marker."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from oslo_db.sqlalchemy import utils
from sqlalchemy import orm

from kingbird import exception
from kingbird.db.models import Base

Row = TypeVar("Row", bound=Base)

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


def page(
    session: orm.Session,
    query: sa.Select[Row],
    model: type[Row],
    *narrower: sa.ColumnElement[bool],
    keys: Mapping[str, str],
    limit: int | None,
    marker: str | None,
    after: Row | None,
    sort_key: str,
    sort_dir: str,
) -> Sequence[Row]:
    """Return a page of what a query selects.

    Rows that are alike by the sort key come as they were made, in the same direction.

    :param query: all rows that the caller can see, in no order.
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
    last = after
    if marker is not None and last is None:
        identity: Any = model.id
        last = session.scalars(query.where(identity == marker)).one_or_none()
        if last is None:
            raise exception.BadRequest(f"marker names nothing in this list: {marker}")
    paged = utils.paginate_query(
        query.where(*narrower), model, limit, columns, marker=last, sort_dir=sort_dir
    )
    return session.scalars(paged).all()
