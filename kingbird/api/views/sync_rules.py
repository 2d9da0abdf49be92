"""The view of rules."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kingbird.api.schemas.sync_rules.rules import StoredRule, request_fields
from kingbird.api.views.sync_jobs import time_or_null
from kingbird.db import api as db
from kingbird.states import ALL, RuleState


def stored_fields(rule: db.Rule) -> StoredRule:
    """Return the columns of a rule that a user decides on."""
    return {
        "name": rule.name,
        "description": rule.description,
        "enabled": rule.enabled,
        "events": rule.events,
        "interval": rule.interval,
        "sync_set": rule.sync_set,  # type: ignore[typeddict-item]
    }


@dataclass(frozen=True)
class RuleContext:
    """The state of rules beyond their rows.

    :ivar last_jobs: the id of the newest job, by rule.
    :ivar waiting: the number of marks and the age of the oldest in milliseconds, by primary key.
    :ivar heard: when a region's events were heard last, in milliseconds since 1970.
    :ivar regions: the regions that ``*`` stands for.
    """

    last_jobs: Mapping[str, str]
    waiting: Mapping[int, tuple[int, int]]
    heard: Mapping[str, int]
    regions: Collection[str]

    @classmethod
    def read(cls, rules: Collection[db.Rule], regions: Collection[str]) -> "RuleContext":
        """Read the state of some rules."""
        return cls(
            db.rules.last_jobs([rule.id for rule in rules]),
            db.marks.waiting([rule.pk for rule in rules]),
            db.listeners.last_heard(db.listeners.alive()),
            regions,
        )


def _hears(rule: db.Rule, context: RuleContext) -> dict[str, str | None]:
    sources = rule.sync_set["sources"]
    regions = sorted(context.regions) if sources == [ALL] else sources
    return {region: time_or_null(context.heard.get(region)) for region in regions}


def render_rule(rule: db.Rule, context: RuleContext) -> dict[str, Any]:
    """Return a rule."""
    waiting, lag = context.waiting.get(rule.pk, (0, None))
    return {
        "id": rule.id,
        "project_id": rule.project_id,
        "user_id": rule.user_id,
        **request_fields(stored_fields(rule)),
        "state": rule.state if rule.enabled else RuleState.DISABLED,
        "reason": rule.reason,
        "message": rule.message,
        "failures": rule.failures,
        "hears": _hears(rule, context),
        "waiting": waiting,
        "lag": None if lag is None else lag / 1000,
        "next_run_at": time_or_null(rule.next_run) if rule.enabled else None,
        "last_run_at": time_or_null(rule.last_run_at),
        "last_success_at": time_or_null(rule.last_success_at),
        "last_job": context.last_jobs.get(rule.id),
        "created_at": time_or_null(rule.created_at),
        "updated_at": time_or_null(rule.updated_at),
    }
