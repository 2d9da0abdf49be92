"""The view of rules."""

from datetime import datetime
from typing import Any

from kingbird.api.schemas.sync_rules.rules import StoredRule, request_fields
from kingbird.api.views.sync_jobs import format_ms, format_time
from kingbird.db import api as db
from kingbird.states import RuleState


def stored_fields(rule: db.Rule) -> StoredRule:
    """Return the columns of a rule that a user decides on."""
    return {
        "name": rule.name,
        "description": rule.description,
        "enabled": rule.enabled,
        "interval": rule.interval,
        "sync_set": rule.sync_set,  # type: ignore[typeddict-item]
    }


def _time(value: datetime | None) -> str | None:
    return None if value is None else format_time(value)


def render_rule(rule: db.Rule, last_job: str | None) -> dict[str, Any]:
    """Return a rule.

    :param last_job: the id of its newest job.
    """
    next_run = rule.next_run if rule.enabled else None
    return {
        "id": rule.id,
        "project_id": rule.project_id,
        "user_id": rule.user_id,
        **request_fields(stored_fields(rule)),
        "state": rule.state if rule.enabled else RuleState.DISABLED,
        "reason": rule.reason,
        "message": rule.message,
        "failures": rule.failures,
        "next_run_at": None if next_run is None else format_ms(next_run),
        "last_run_at": _time(rule.last_run_at),
        "last_success_at": _time(rule.last_success_at),
        "last_job": last_job,
        "created_at": _time(rule.created_at),
        "updated_at": _time(rule.updated_at),
    }
