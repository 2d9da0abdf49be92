"""Jobs and their items as the published client reads them (design, section 4)."""

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from kingbird.db import api as db


def moment(value: datetime | None) -> str:
    """Return a time of the database: ISO 8601, UTC; ``"None"`` when there was none yet."""
    return "None" if value is None else value.isoformat(timespec="microseconds")


def accepted(job: db.Job) -> dict[str, Any]:
    """Return the answer to the request that made a job."""
    return {
        "job_status": {
            "id": job.id,
            "status": db.jobs.IN_PROGRESS,
            "created_at": moment(job.created_at),
        }
    }


def summary(job: db.Job) -> dict[str, Any]:
    """Return a job as lists show it."""
    return {
        "id": job.id,
        "sync_status": job.status,
        "created_at": moment(job.created_at),
        "updated_at": moment(job.updated_at),
    }


def _item_id(job_id: str, resource: str, target: str) -> str:
    # The same before and after the job was planned, and when it is planned anew.
    return str(uuid.uuid5(uuid.UUID(job_id), f"{resource}/{target}"))


def _planned(job: db.Job, item: db.Item) -> dict[str, Any]:
    return {
        "id": _item_id(job.id, item.resource, item.target_region),
        "resource": item.resource,
        "resource_type": item.resource_type,
        "source_region": item.source_region,
        "target_region": item.target_region,
        "sync_status": item.status,
        "created_at": moment(item.created_at),
        "updated_at": moment(item.updated_at),
        "action": item.action,
        "target_resource": item.target_resource,
        "reason": item.reason,
        "message": item.message,
    }


def _expected(job: db.Job) -> Iterator[dict[str, Any]]:
    """Yield what will be planned, as far as the request tells."""
    seen = set()
    for each in job.request:
        for target in each["targets"]:
            source = next((name for name in each["sources"] if name != target), target)
            for resource in each["resources"]:
                if (resource, target) in seen:
                    continue
                seen.add((resource, target))
                yield {
                    "id": _item_id(job.id, resource, target),
                    "resource": resource,
                    "resource_type": each["resource_type"],
                    "source_region": source,
                    "target_region": target,
                    # A job may end before it could be planned.
                    "sync_status": job.status,
                    "created_at": moment(job.created_at),
                    "updated_at": moment(job.updated_at),
                    "action": None,
                    "target_resource": None,
                    "reason": None,
                    "message": None,
                }


def items(job: db.Job, planned: Iterable[db.Item]) -> list[dict[str, Any]]:
    """Return a job's items: each image once in each target region.

    :param planned: the items of the job's plan; before there is one, the request tells what
        they will be.
    """
    if job.planned_at is None:
        return list(_expected(job))
    return [_planned(job, item) for item in planned]
