"""Keep what a comparison knows of an image from taking the place of what was written since.

A comparison lists regions, and stores what it has found minutes later.  Meanwhile another job may
write an image that it has listed.  That job's outcome is newer, whether it leaves a state of the
image or none, so it is remembered here until no comparison is under way that began before.

Only outcomes that are stored while a job is planned are remembered.  A job that is claimed after
that lists regions in which the image has been written.  All times are those of the database's
clock.  The row of a region is locked by those who store states of its images (in
:mod:`kingbird.db.image_states`), so that a comparison sees each outcome that was stored before it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import connection
from kingbird.db.clock import now_ms
from kingbird.db.column_types import fit
from kingbird.db.inserts import insert_or_update
from kingbird.db.models import Job
from kingbird.db.state_models import FreshState
from kingbird.states import JobState

#: An image, a region and a project.
Key = tuple[str, str, str]

#: Matches the jobs that an engine plans.
_IS_PLANNED = sa.and_(
    Job.status == JobState.IN_PROGRESS,
    Job.lease_expires.is_not(None),
    sa.or_(Job.planned_at.is_(None), Job.plan_rest.is_not(None)),
)


def moment() -> int:
    """Return the present time, at which a comparison begins to list regions."""
    return connection.scalar(sa.select(now_ms()))


def remember(session: orm.Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember images whose states an outcome tells, if a job is planned at this time.

    :param rows: columns of ``ImageState``.
    """
    if session.scalar(sa.select(Job.pk).where(_IS_PLANNED).limit(1)) is None:
        return
    table: Any = FreshState.__table__
    names = ("image_id", "region", "project_id")
    told = {tuple(fit(table, {name: row[name] for name in names}).values()) for row in rows}
    statement = insert_or_update(session, table, names, {"told_at": now_ms()})
    # A driver sends many rows at once only if their values are no functions.
    now = session.execute(sa.select(now_ms())).scalar_one()
    for some in batched(sorted(told), connection.BATCH):
        rows = [{**dict(zip(names, key, strict=True)), "told_at": now} for key in some]
        session.execute(statement, rows)


def find(
    session: orm.Session, job: Job, began: int | None, keys: Iterable[Key]
) -> Collection[Key]:
    """Return the images of which an outcome was stored since a comparison began.

    :param began: the time at which it began; ``None`` if that is the time at which its job was
        claimed.
    """
    since: Any = began
    if began is None:
        since = sa.select(Job.claimed_at).where(Job.pk == job.pk).scalar_subquery()
    names = (FreshState.image_id, FreshState.region, FreshState.project_id)
    images: dict[str, set[str]] = {}
    for image_id, region, _ in keys:
        images.setdefault(image_id, set()).add(region)
    found: set[Key] = set()
    for some in batched(sorted(images), connection.BATCH):
        regions = {region for image_id in some for region in images[image_id]}
        query = sa.select(*names).where(
            FreshState.image_id.in_(some),
            FreshState.region.in_(sorted(regions)),
            FreshState.told_at >= since,
        )
        # The transaction may have begun to read before it had the locks of the regions.
        for row in session.execute(query.with_for_update(read=True)):
            found.add((row.image_id, row.region, row.project_id))
    return found


@connection.retry_on_disconnect
def purge(limit: int) -> int:
    """Forget outcomes that are older than each comparison that is under way.

    :param limit: the number of rows to delete at most.
    :returns: the number of deleted rows.
    """
    first = sa.select(sa.func.min(Job.claimed_at)).where(_IS_PLANNED).scalar_subquery()
    query = sa.select(FreshState.pk).where(FreshState.told_at < sa.func.coalesce(first, now_ms()))
    with connection.writer() as session:
        old = session.scalars(query.order_by(FreshState.told_at).limit(limit)).all()
        connection.delete_rows(session, FreshState, old)
        return len(old)
