"""Remember ids that Glance refused in a region, so that it is not asked for them again."""

import logging
from collections.abc import Collection, Iterable

import sqlalchemy as sa
from oslo_db import exception as db_exc

from kingbird.batching import batched
from kingbird.db import connection
from kingbird.db.clock import now_ms
from kingbird.db.models import Tombstone

LOG = logging.getLogger(__name__)


def find(project_id: str, region: str, image_ids: Collection[str]) -> dict[str, str]:
    """Return the reasons why some ids can't be used in a region, by id."""
    query = sa.select(Tombstone.image_id, Tombstone.reason).where(
        Tombstone.project_id == project_id,
        Tombstone.region == region,
        Tombstone.expires > now_ms(),
    )
    rows = connection.rows_in(query, Tombstone.image_id, sorted(image_ids))
    return {row.image_id: row.reason for row in rows}


def add(project_id: str, region: str, tombstones: Iterable[tuple[str, str]], ttl: float) -> None:
    """Remember ids that can't be used.

    :param tombstones: pairs of id and reason.
    :param ttl: seconds; 0 remembers nothing.
    """
    rows = dict(tombstones)
    if not rows or not ttl:
        return
    try:
        _replace(project_id, region, rows, ttl)
    except db_exc.DBDuplicateEntry:
        # Another job of the project has added the same ids at the same time.
        _replace(project_id, region, rows, ttl)
    except Exception as error:
        if not connection.refuses_row(error):
            raise
        # Without a tombstone the region is asked again.
        LOG.warning("Unable to store tombstones: %s", type(error).__name__)


@connection.retry_on_disconnect
def _replace(project_id: str, region: str, rows: dict[str, str], ttl: float) -> None:
    with connection.writer() as session:
        for ids in batched(sorted(rows), connection.BATCH):
            session.execute(
                sa.delete(Tombstone).where(
                    Tombstone.project_id == project_id,
                    Tombstone.region == region,
                    Tombstone.image_id.in_(ids),
                )
            )
            for image_id in ids:
                session.execute(
                    sa.insert(Tombstone).values(
                        project_id=project_id,
                        region=region,
                        image_id=image_id,
                        reason=rows[image_id],
                        expires=now_ms() + int(ttl * 1000),
                    )
                )


def purge() -> None:
    """Delete tombstones that have expired, about :data:`connection.BATCH` in a transaction."""
    while _purge():
        pass


@connection.retry_on_disconnect
def _purge() -> bool:
    """Delete the oldest tombstones that have expired, and return whether there are more."""
    oldest = sa.select(Tombstone.expires).where(Tombstone.expires <= now_ms())
    query = oldest.order_by(Tombstone.expires).offset(connection.BATCH - 1).limit(1)
    with connection.writer() as session:
        # Those of one moment go together; a task stores a hundred at most.
        last = session.scalar(query)
        up_to = now_ms() if last is None else last
        connection.write(session, sa.delete(Tombstone).where(Tombstone.expires <= up_to))
        return last is not None
