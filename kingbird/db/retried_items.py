"""The items of a retry, which have no plan before their part of it is stored.

An item that depends on a region that is away waits for another part of the plan, and the tasks of
the parts before leave it alone.
"""

from collections import Counter
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection, counts, item_rows
from kingbird.db.counts import Counts
from kingbird.db.leases import Claim, fence
from kingbird.db.models import RETRY, Item
from kingbird.db.outcome_texts import NOT_WORKED_ON
from kingbird.states import ALL, ItemState, Reason

#: ``Job.plan_rest`` of a job that is retried, until all of its items have been planned.
RETRY_REST = {"retry": True}


def awaits_retry(job_pk: int) -> sa.ColumnElement[bool]:
    """Match the items of a retry that have not been planned."""
    return sa.and_(
        Item.job_pk == job_pk, Item.status == ItemState.IN_PROGRESS, Item.action == RETRY
    )


def has_plan() -> sa.ColumnElement[bool]:
    """Match items that have been planned, or ended without: a task works on no others."""
    return Item.action != RETRY


def drop_compared(
    session: orm.Session, job_pk: int, regions: Collection[str] | None = None
) -> Counts:
    """Delete the items for all images of regions that could be compared now.

    :param regions: these regions; all of them without it.
    :returns: the change of the numbers.
    """
    dropped = sa.and_(awaits_retry(job_pk), Item.resource == ALL)
    if regions is not None:
        dropped = sa.and_(dropped, Item.target_region.in_(sorted(regions)))
    change: Counts = Counter()
    change.subtract(counts.count(session, dropped))
    session.execute(sa.delete(Item).where(dropped))
    return change


def end_left_out(session: orm.Session, job_pk: int, *where: sa.ColumnElement[bool]) -> Counts:
    """End items that the complete plan of a retry has not come upon, as many as may be at once.

    :returns: the change of the numbers.
    """
    reason = Reason.INTERNAL_ERROR
    return item_rows.end_some(session, reason, NOT_WORKED_ON, awaits_retry(job_pk), *where)[0]


@connection.retry_on_disconnect
def end_most_left_out(claim: Claim, held: int) -> bool:
    """End some of the items that the complete plan of a retry has not come upon.

    :param held: the number of items whose plan is not stored yet.  With more than the transaction
        may end nothing is ended before it is stored.
    :returns: whether there may be more of them than the transaction that ends the plan may end.
    :raises kingbird.exception.LeaseLost: another engine plans the job.
    """
    # Those for all images of a region are few, and are deleted if it was compared.
    named = Item.resource != ALL
    most = item_rows.LIMIT + held
    left = sa.select(Item.pk).where(awaits_retry(claim.job.pk), named).limit(most + 1)
    with connection.reader() as session:
        if len(session.scalars(left).all()) <= most:
            return False
    if held:
        return True
    with connection.writer() as session:
        fence(session, claim)
        ended = end_left_out(session, claim.job.pk, named)
        total = counts.add_to_job(session, claim.job.pk, ended)
        fence(session, claim, progress=True, counts=total)
    return True


def regions_of(session: orm.Session, job_pk: int, part: int) -> set[str]:
    """Return the regions that have work in a part of a retry, whichever engine planned it."""
    query = sa.select(Item.target_region).where(
        Item.job_pk == job_pk,
        Item.part == part,
        Item.status == ItemState.IN_PROGRESS,
        has_plan(),
    )
    return set(session.scalars(query.distinct()))
