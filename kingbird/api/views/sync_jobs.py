"""The views of jobs and items, in the form that the published client reads."""

import functools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from kingbird.api.schemas.filters import denormalize
from kingbird.db import api as db
from kingbird.states import ItemState, Origin, Phase, ResourceType, Trigger


@functools.lru_cache(maxsize=1024)
def format_time(value: datetime | None) -> str:
    """Return a time of the database in ISO 8601 and UTC, or ``"None"`` if there is none."""
    # The items of a batch have one time, so that most of a page's times are known.
    return "None" if value is None else value.isoformat(timespec="microseconds")


def format_ms(value: int) -> str:
    """Return a time of the database's clock, in milliseconds, in ISO 8601 and UTC."""
    return format_time(datetime.fromtimestamp(value / 1000, UTC).replace(tzinfo=None))


def time_or_null(value: datetime | int | None) -> str | None:
    """Return a time as one of the two functions above does, or null if there is none."""
    if value is None:
        return None
    return format_ms(value) if isinstance(value, int) else format_time(value)


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


def _render_numbers(numbers: db.jobs.Numbers) -> dict[str, Any]:
    """Return the counts of a job's items: of all, and of each region."""
    total: dict[str, dict[str, int]] = {}
    for counts in numbers.data.values():
        for state, (items, size) in counts.items():
            there = total.setdefault(state, {"items": 0, "bytes": 0})
            there["items"] += items
            there["bytes"] += size
    return {
        "statuses": numbers.statuses,
        "outcomes": numbers.outcomes,
        "data": total,
        "regions": {
            region: {
                **counts,
                "data": {
                    state: {"items": items, "bytes": size}
                    for state, (items, size) in numbers.data.get(region, {}).items()
                },
            }
            for region, counts in numbers.regions.items()
        },
    }


def render_detail(job: db.Job, numbers: db.jobs.Numbers) -> dict[str, Any]:
    """Return a job with the counts of its items."""
    return {
        **render_summary(job),
        "all_projects": job.all_projects,
        "dry_run": job.is_dry,
        "of": job.of_id,
        "cancelled": job.cancelled,
        "runs": job.runs,
        "rule": job.rule_id,
        "trigger": job.trigger,
        "waits_for": sorted(numbers.waits_for),
        **_render_numbers(numbers),
    }


def render_listed_detail(detail: db.JobDetail) -> dict[str, Any]:
    """Return a job's entry in the list of details."""
    job, asked = detail.job, detail.job.asked or {}
    numbers = db.jobs.sum_up(detail.numbers, job.in_sync, job.no_data)
    return {
        **render_summary(job),
        "ended_at": format_time(job.updated_at) if detail.phase is Phase.ENDED else None,
        "project_id": job.project_id,
        "user_id": job.user_id,
        "all_projects": job.all_projects,
        "dry_run": job.of_id is None and bool(asked.get("dry_run")),
        "of": job.of_id,
        "cancelled": job.cancelled,
        "runs": job.runs,
        "origin": origin_of(job),
        "rule": job.rule_id,
        "trigger": job.trigger,
        "phase": detail.phase,
        "waits_for": sorted(detail.waits_for),
        "listed": job.listed or {},
        **_render_numbers(numbers),
        "in_sync": sum(job.in_sync.values()),
        "sets_total": asked.get("sets_total", 0),
        "request": [_render_asked(each, job) for each in asked.get("sets", ())],
    }


def _render_asked(each: dict[str, Any], job: db.Job) -> dict[str, Any]:
    return {
        **each,
        "dry_run": each["dry_run"] and job.of_id is None,
        "filters": denormalize(each["filters"]),
    }


def origin_of(job: db.Job) -> Origin:
    """Return who made a job."""
    if job.rule_id is None:
        return Origin.USER
    return Origin.EVENT if job.trigger == Trigger.EVENT else Origin.RULE


def render_items(job: db.Job, items: Iterable[Any]) -> list[dict[str, Any]]:
    """Return items of a job's plan, as they will be when their rows have followed the job's.

    :param items: what :func:`kingbird.db.jobs.list_items` returns.
    """
    if db.unsettled.is_settled(job):
        return [_render_item(item, item, item.updated_at) for item in items]
    rendered = []
    for item in items:
        shown = db.unsettled.show(job, item)
        changed_at = job.updated_at if shown.is_changed else item.updated_at
        rendered.append(_render_item(item, shown, changed_at))
    return rendered


def _render_item(item: Any, shown: Any, changed_at: datetime | None) -> dict[str, Any]:
    """Return an item.

    :param shown: what has the fields that the job's row may change.
    :param changed_at: when it was changed last.
    """
    has_key = item.resource_type != ResourceType.IMAGE and item.resource_name is not None
    return {
        "id": item.id,
        # Users know the name of which the key was made.
        "resource": item.resource_name if has_key else item.resource,
        "resource_name": item.resource_name,
        "resource_type": item.resource_type,
        "source_region": item.source_region,
        "target_region": item.target_region,
        "sync_status": shown.status,
        "created_at": format_time(item.created_at),
        "updated_at": format_time(changed_at),
        "action": shown.action,
        "target_resource": item.resource_name
        if has_key and shown.target_resource
        else shown.target_resource,
        "reason": shown.reason,
        "message": shown.message,
        "fields": item.differences or {},
        "attempts": shown.attempts,
        "data": shown.data,
        "bytes": item.bytes,
        "data_seconds": item.data_seconds,
        "import_task": item.import_task,
    }
