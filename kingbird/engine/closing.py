"""The end of a job: its trust goes first, so that an ended job has none."""

import logging

from kingbird.db import api as db
from kingbird.engine.access import Access

CANCELLED = "The job was cancelled before this item was worked on"

LOG = logging.getLogger(__name__)


def close_job(access: Access, job: db.Job) -> None:
    """Close a job whose tasks have all ended.  Closing it twice does no harm."""
    access.close(job)
    status = db.outcomes.close_job(
        job.pk, message="The job was closed before this item was worked on"
    )
    access.forget(job.id)
    if status:
        LOG.info("Job %s has ended: %s", job.id, status)


def fail_job(access: Access, job: db.Job, reason: str, message: str) -> None:
    """End a job that can't go on; what is left of it fails with ``reason``."""
    access.close(job)
    if job.planned_at is None:
        db.plans.fail_request(job, reason, message)
    elif job.plan_rest is not None:
        db.plans.fail_rest(job, reason, message)
    db.outcomes.close_job(job.pk, reason=reason, message=message)
    access.forget(job.id)
    LOG.warning("Job %s was ended: %s", job.id, reason)


def fail_planning(access: Access, job: db.Job, reason: str, message: str) -> None:
    """Give up planning a job; tasks that an earlier part of its plan has go on."""
    if job.plan_rest is None:
        fail_job(access, job, reason, message)
    elif db.plans.fail_rest(job, reason, message) <= 0:
        close_job(access, job)
