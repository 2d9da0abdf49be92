"""The end of a job: its trust goes first, so that an ended job has none."""

import logging

from kingbird.db import api as db
from kingbird.engine.access import Access

LOG = logging.getLogger(__name__)


def close_job(access: Access, job: db.Job) -> None:
    """Close a job whose tasks have all ended.  Closing it twice does no harm."""
    access.close(job)
    status = db.outcomes.close_job(
        job.pk, message="The job was closed before this item was worked on"
    )
    if status:
        LOG.info("Job %s has ended: %s", job.id, status)


def fail_job(access: Access, job: db.Job, reason: str, message: str) -> None:
    """End a job that can't go on; what is left of it fails with ``reason``."""
    access.close(job)
    if job.planned_at is None:
        db.plans.fail_request(job, reason, message)
    db.outcomes.close_job(job.pk, reason=reason, message=message)
    LOG.warning("Job %s was ended: %s", job.id, reason)
