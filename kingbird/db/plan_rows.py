"""Read the rows of a plan's items, and tell what they are."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import batches, connection, counts, outcomes
from kingbird.db.column_types import fit
from kingbird.db.counts import Counts
from kingbird.db.models import Item
from kingbird.states import DataState, ItemState


def number(region: str, item: sa.Row[Any]) -> Counts:
    """Return the numbers of one item."""
    return counts.of(region, item.status, item.reason, item.data, item.bytes)


def count_open(rows: Sequence[dict[str, Any]]) -> int:
    """Return how many of some items are work for a task."""
    return sum(row["status"] == ItemState.IN_PROGRESS for row in rows)


def unstorable(row: batches.Row) -> batches.Row:
    """Return the failure that takes the place of an item that the database refuses."""
    ended = row["updated_at"] or row["created_at"]
    failure = {**row, **outcomes.UNSTORABLE, "action": "none", "work": None, "updated_at": ended}
    if row.get("data") is not None:
        failure.update(data=DataState.NONE, data_since=None)
    return fit(Item.__table__, failure)


def known(session: orm.Session, job_pk: int, ids: Iterable[str]) -> dict[str, sa.Row[Any]]:
    """Return those of some items that exist, by id."""
    columns = (
        Item.id,
        Item.pk,
        Item.part,
        Item.plan_generation,
        Item.action,
        Item.status,
        Item.reason,
        Item.data,
        Item.bytes,
    )
    rows: list[sa.Row[Any]] = []
    for batch in batched(ids, connection.BATCH):
        rows += session.execute(
            sa.select(*columns).where(Item.job_pk == job_pk, Item.id.in_(batch))
        )
    return {row.id: row for row in rows}
