"""The end of a job, and after it the end of its trust.

Its user may have tried it again by then, or another engine may have ended it.  The database
knows whether the run is over that an engine thinks of, so it is asked first, and what an engine
deletes or forgets after that is that run's.
"""

import logging
from collections import Counter

from kingbird import events
from kingbird.db import api as db
from kingbird.engine.credentials import Access

CANCELLED = "The job was cancelled before this item was worked on"

LOG = logging.getLogger(__name__)


def close_job(access: Access, job: db.Job) -> None:
    """Close a job whose tasks have all ended.  Closing it twice does no harm."""
    ended = to_count()
    status = db.outcomes.close_job(
        job, message="The job was closed before this item was worked on", ended=ended
    )
    if status:
        LOG.info("Job %s ended: %s", job.id, status)
        tell_ended(ended, "internal_error")
        events.tell(events.JobEnded(job, status, None))
        access.close(job)
    access.forget(job)


def fail_job(access: Access, job: db.Job, reason: str, message: str) -> None:
    """End a job that can't go on; what is left of it fails with ``reason``.

    One that another engine has taken meanwhile, or that was tried again, goes on.
    """
    ended = to_count()
    status = db.plans.fail_job(job, reason, message, ended=ended)
    if status:
        LOG.warning("Job %s aborted: %s", job.id, reason)
        tell_ended(ended, reason)
        events.tell(events.JobEnded(job, status, reason))
        access.close(job)
        access.forget(job)


def fail_planning(access: Access, job: db.Job, reason: str, message: str) -> None:
    """Give up planning a job; tasks that an earlier part of its plan has go on."""
    if job.plan_rest is None:
        fail_job(access, job, reason, message)
        return
    ended = to_count()
    open_tasks = db.plans.fail_rest(job, reason, message, ended=ended)
    tell_ended(ended, reason)
    if open_tasks <= 0:
        close_job(access, job)


def fail_task(claim: db.Claim, reason: str, message: str) -> None:
    """Let what is left of a task fail, or be cancelled; ending it is the caller's next step.

    :raises kingbird.exception.LeaseLost: another engine has the task by now.
    """
    ended = to_count()
    db.outcomes.fail_task(claim, reason, message, ended=ended)
    tell_ended(ended, reason)


def to_count() -> Counter[str] | None:
    """Return what the number of ended items is to be written to, if anybody wants to know."""
    return Counter() if events.heard() else None


def tell_ended(ended: Counter[str] | None, reason: str) -> None:
    """Tell of items that were ended without being worked on, by region."""
    for region, count in (ended or {}).items():
        events.tell(events.ItemsEnded(region, db.jobs.ended_as(reason), reason, count))
