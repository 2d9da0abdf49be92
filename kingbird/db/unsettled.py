"""Tell what items are whose rows have not followed their job's row yet."""

from typing import Any, NamedTuple

import sqlalchemy as sa

from kingbird.db import counts, settling
from kingbird.db.models import RETRY, Item, Job
from kingbird.states import STATE_OF, ItemState, Reason


class Shown(NamedTuple):
    """The fields of an item that its job's row may change."""

    status: str
    reason: str | None
    message: str | None
    action: str
    target_resource: str | None
    data: str | None
    attempts: int
    #: True if they differ from the item's own row.
    is_changed: bool = False


def left_of(job: Job) -> tuple[str, str] | None:
    """Return reason and message of a job's items that nobody works on any more, if there are.

    Those of a cancelled job have not ended before the job has: a client deletes a job when all its
    items have ended, and is not refused.
    """
    if job.ending and job.ending["run"] == job.runs:
        return job.ending["reason"], job.ending["message"]
    return None


def is_settled(job: Job) -> bool:
    """Return whether the rows of all items have followed, so that each shows its own fields."""
    return not job.ending and not job.reopening


def show(job: Job, item: Any) -> Shown:
    """Return the fields of an item as they will be when its row has followed."""
    one = Shown(
        item.status,
        item.reason,
        item.message,
        item.action,
        item.target_resource,
        item.data,
        item.attempts,
    )
    if job.ending and job.ending["run"] < job.runs:
        one = _end(one, item, job.ending["reason"], job.ending["message"])
    if (
        job.reopening
        and settling.is_retryable(one.status, one.reason)
        and settling.is_in(job.reopening, item)
    ):
        one = Shown(
            ItemState.IN_PROGRESS,
            None,
            None,
            RETRY,
            one.target_resource,
            None,
            one.attempts + 1,
            is_changed=True,
        )
    left = left_of(job)
    return one if left is None else _end(one, item, *left)


class _Unplanned(NamedTuple):
    """An item that has no row yet."""

    resource: str
    target_region: str
    status: str
    reason: str | None = None
    message: str | None = None
    action: str = "none"
    target_resource: str | None = None
    data: str | None = None
    data_since: int | None = None
    attempts: int = 1


def show_unplanned(job: Job, resource: str, region: str) -> Shown:
    """Return what an item will be that an unplanned job has no row of yet."""
    status = ItemState.IN_PROGRESS if job.ending else job.status
    return show(job, _Unplanned(resource, region, status))


class Columns(NamedTuple):
    """The columns that select items of a job, as :func:`show` tells them.

    :ivar is_changed: matches items whose rows have not followed; ``None`` if all have.
    """

    status: sa.ColumnElement[str]
    reason: sa.ColumnElement[str | None]
    is_changed: sa.ColumnElement[bool] | None = None


def columns(job: Job) -> Columns:
    """Return what the items of a job are selected by."""
    is_open = Item.status == ItemState.IN_PROGRESS
    ending = job.ending or {}
    is_earlier = bool(ending) and ending["run"] < job.runs
    left = left_of(job)
    status: Any = Item.status
    reason: Any = Item.reason
    # As a CASE has it, the first that matches counts.
    changes: list[tuple[sa.ColumnElement[bool], str, str | None]] = []
    if job.reopening:
        may_be = settling.matches_retryable(status, reason)
        if is_earlier and settling.is_retryable(*_as_state(ending["reason"])):
            may_be = sa.or_(may_be, is_open)
        chosen = sa.and_(may_be, settling.matches_part(job.reopening))
        changes.append((chosen, *(_as_state(left[0]) if left else (ItemState.IN_PROGRESS, None))))
    if ending:
        changes.append((is_open, *_as_state(ending["reason"])))
    if not changes:
        return Columns(status, reason)
    return Columns(
        sa.case(*((where, str(one)) for where, one, _ in changes), else_=status),
        sa.case(*((where, one) for where, _, one in changes), else_=reason),
        sa.or_(*(where for where, _, _ in changes)),
    )


def _as_state(reason: str) -> tuple[str, str]:
    return STATE_OF[Reason(reason)], reason


def _end(one: Shown, item: Any, reason: str, message: str) -> Shown:
    if one.status != ItemState.IN_PROGRESS:
        return one
    keeps_copy = one.action == RETRY or item.data_since is not None
    return one._replace(
        status=STATE_OF[Reason(reason)],
        reason=reason,
        message=message,
        target_resource=one.target_resource if keeps_copy else None,
        data=counts.DATA_AT_END.get(str(one.data), one.data),
        is_changed=True,
    )
