"""Remember which copies were hidden as orphans, and when.

Anybody may write the mark of a hidden orphan.  Only a copy that has a row here is deleted.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection
from kingbird.db.clock import now_ms
from kingbird.db.inserts import insert_or_update
from kingbird.db.models import Job
from kingbird.db.state_models import HiddenOrphan as Row
from kingbird.hidden_orphan import HiddenOrphan


def find(region: str, image_ids: Collection[str]) -> dict[str, HiddenOrphan]:
    """Return those of some images that were hidden in a region, by id."""
    query = sa.select(Row.image_id, Row.updated_at, now_ms() - Row.hidden_at)
    query = query.where(Row.region == region)
    rows = connection.rows_in(query, Row.image_id, sorted(image_ids))
    return {one: HiddenOrphan(moment, ms / 1000) for one, moment, ms in rows}


def store(session: orm.Session, job: Job, changes: Sequence[Mapping[str, Any]]) -> None:
    """Remember copies that were hidden, and forget those that were deleted or shown.

    :param changes: ``region``, ``image_id``, ``home``, and ``updated_at`` of a hidden one.
    """
    table: Any = Row.__table__
    for one in changes:
        key = (Row.region == one["region"], Row.image_id == one["image_id"])
        if not one.get("updated_at"):
            session.execute(sa.delete(Row).where(*key))
            continue
        values = {**one, "hidden_at": now_ms(), "job_id": job.id}
        statement = insert_or_update(session, table, ("region", "image_id"), values)
        session.execute(statement.values(values))
