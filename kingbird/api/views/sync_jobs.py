"""The views of jobs and items, in the form that the published client reads."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kingbird.db import api as db
from kingbird.states import ALL, ItemState


def format_time(value: datetime | None) -> str:
    """Return a time of the database in ISO 8601 and UTC, or ``"None"`` if there is none."""
    return "None" if value is None else value.isoformat(timespec="microseconds")


def format_ms(value: int) -> str:
    """Return a time of the database's clock, in milliseconds, in ISO 8601 and UTC."""
    return format_time(datetime.fromtimestamp(value / 1000, UTC).replace(tzinfo=None))


def render_status(job: db.Job) -> dict[str, Any]:
    """Return the response to a request that creates, cancels or retries a job."""
    return {
        "job_status": {
            "id": job.id,
            "status": ItemState.IN_PROGRESS,
            "created_at": format_time(job.created_at),
        }
    }


def render_summary(job: db.Job) -> dict[str, Any]:
    """Return a job's entry in a list."""
    return {
        "id": job.id,
        "sync_status": job.status,
        "created_at": format_time(job.created_at),
        "updated_at": format_time(job.updated_at),
    }


def render_detail(
    job: db.Job,
    statuses: dict[str, int],
    outcomes: dict[str, int],
    regions: db.jobs.RegionCounts,
) -> dict[str, Any]:
    """Return a job with the counts of its items."""
    return {
        **render_summary(job),
        "all_projects": job.all_projects,
        "dry_run": any(each["dry_run"] for each in job.request),
        "cancelled": job.cancelled,
        "runs": job.runs,
        "rule": job.rule_id,
        "trigger": job.trigger,
        "statuses": statuses,
        "outcomes": outcomes,
        "regions": regions,
    }


def render_item(item: db.Item) -> dict[str, Any]:
    """Return an item of a job's plan."""
    return {
        "id": item.id,
        "resource": item.resource,
        "resource_type": item.resource_type,
        "source_region": item.source_region,
        "target_region": item.target_region,
        "sync_status": item.status,
        "created_at": format_time(item.created_at),
        "updated_at": format_time(item.updated_at),
        "action": item.action,
        "target_resource": item.target_resource,
        "reason": item.reason,
        "message": item.message,
        "attempts": item.attempts,
    }


def render_unplanned(job: db.Job) -> Iterator[dict[str, Any]]:
    """Yield a job's items before it is planned, as far as the request determines them.

    Each image occurs once in each target region.  With the wildcard one entry stands for all
    images of a region.
    """
    seen = set()
    for each in job.request:
        for target in each["targets"]:
            sources = [name for name in each["sources"] if name != target] or [target]
            for resource in each["resources"]:
                # With several sources, the images of the wildcard come from different ones.
                source = ALL if resource == ALL and len(sources) > 1 else sources[0]
                if (resource, target) in seen:
                    continue
                seen.add((resource, target))
                yield {
                    "id": db.jobs.item_id(job.id, resource, target),
                    "resource": resource,
                    "resource_type": each["resource_type"],
                    "source_region": source,
                    "target_region": target,
                    # A job may end before it is planned.
                    "sync_status": job.status,
                    "created_at": format_time(job.created_at),
                    "updated_at": format_time(job.updated_at),
                    "action": None,
                    "target_resource": None,
                    "reason": None,
                    "message": None,
                    "attempts": 0,
                }
