"""The end of a job, and after it the end of its trust.

Its user may have tried it again by then, or another engine may have ended it.  The database
knows whether the run is over that an engine thinks of, so it is asked first, and what an engine
deletes or forgets after that is that run's.
"""

import logging
from collections import Counter

from kingbird import events
from kingbird.db import api as db
from kingbird.engine.credentials import JobCredentials
from kingbird.states import Reason

CANCELLED = "The job was cancelled before this item was worked on"

LOG = logging.getLogger(__name__)


def close_job(access: JobCredentials, job: db.Job) -> None:
    """Close a job whose tasks have all ended.  Closing it twice does no harm."""
    ended = new_counter()
    status = db.outcomes.close_job(
        job, message="The job was closed before this item was worked on", ended=ended
    )
    if status:
        LOG.info("Job %s ended: %s", job.id, status)
        emit_items_ended(ended, Reason.INTERNAL_ERROR)
        events.emit(events.JobEnded(job, status, None))
        access.revoke_trust(job)
    access.forget(job)


def fail_job(access: JobCredentials, job: db.Job, reason: str, message: str) -> None:
    """End a job that can't go on; what is left of it fails with ``reason``.

    One that another engine has taken meanwhile, or that was tried again, goes on.
    """
    ended = new_counter()
    status = db.plans.fail_job(job, reason, message, ended=ended)
    if status:
        LOG.warning("Job %s aborted: %s", job.id, reason)
        emit_items_ended(ended, reason)
        events.emit(events.JobEnded(job, status, reason))
        access.revoke_trust(job)
        access.forget(job)


def fail_planning(access: JobCredentials, job: db.Job, reason: str, message: str) -> None:
    """Give up planning a job; tasks that an earlier part of its plan has go on."""
    if job.plan_rest is None:
        fail_job(access, job, reason, message)
        return
    ended = new_counter()
    open_tasks = db.plans.fail_remaining(job, reason, message, ended=ended)
    emit_items_ended(ended, reason)
    if open_tasks <= 0:
        close_job(access, job)


def fail_task(claim: db.Claim, reason: str, message: str) -> None:
    """Let what is left of a task fail, or be cancelled; ending it is the caller's next step.

    :raises kingbird.exception.LeaseLost: another engine has the task by now.
    """
    ended = new_counter()
    db.outcomes.fail_task(claim, reason, message, ended=ended)
    emit_items_ended(ended, reason)


def new_counter() -> Counter[str] | None:
    """Return what the number of ended items is to be written to, if anybody wants to know."""
    return Counter() if events.has_subscribers() else None


def emit_items_ended(ended: Counter[str] | None, reason: str) -> None:
    """Tell of items that were ended without being worked on, by region."""
    for region, count in (ended or {}).items():
        events.emit(events.ItemsEnded(region, db.jobs.final_status(reason), reason, count))
