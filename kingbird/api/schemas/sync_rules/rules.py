"""Normalize the rule of a request to its stored form, and back."""

from collections.abc import Mapping
from typing import Any, TypedDict

from kingbird.api.schemas import filters
from kingbird.api.schemas.sync_jobs.metadefs import COMMON
from kingbird.api.schemas.sync_jobs.sets import StoredSyncSet, normalize_set
from kingbird.api.schemas.sync_rules.bodies import DEFAULT_INTERVAL
from kingbird.states import MemberMode, ResourceType

#: The fields of a rule about any type of resources.
_OF_ANY_TYPE = (
    *("name", "description", "enabled", "events", "interval"),
    *("resource_type", "resources", *COMMON),
)


class StoredRule(TypedDict):
    """The columns of a rule that a user decides on."""

    name: str
    description: str
    enabled: bool
    events: bool
    interval: int
    sync_set: StoredSyncSet


def normalize_rule(given: Mapping[str, Any]) -> StoredRule:
    """Return a valid rule in its stored form.

    :raises kingbird.exception.BadRequest: values contradict each other.
    """
    return {
        "name": given["name"],
        "description": given.get("description", ""),
        "enabled": given.get("enabled", True) in (True, "True"),
        "events": given.get("events", given["resource_type"] == ResourceType.IMAGE)
        in (True, "True"),
        # A JSON number such as 60.0 is an integer too.
        "interval": int(given.get("interval", DEFAULT_INTERVAL)),
        "sync_set": normalize_set(dict(given), "rule"),
    }


def request_fields(stored: StoredRule) -> dict[str, Any]:
    """Return a rule in the form of a request that would create it."""
    sync_set = stored["sync_set"]
    return {
        "name": stored["name"],
        "description": stored["description"],
        "enabled": stored["enabled"],
        "events": stored["events"],
        "interval": stored["interval"],
        "resource_type": sync_set["resource_type"],
        "resources": sync_set["resources"],
        "source": sync_set["sources"],
        "target": sync_set["targets"],
        "filters": filters.denormalize(sync_set["filters"]),
        "all_projects": sync_set["all_projects"],
        "on_drift": sync_set["on_drift"],
        "prune": sync_set["prune"],
        "force": sync_set["force"],
        # Rules of earlier releases don't have these fields.
        "same_name": sync_set.get("same_name", "report"),
        "data": sync_set.get("data", "none"),
        "members": sync_set.get("members", str(MemberMode.CREATE)),
        "on_orphan": sync_set.get("on_orphan", "report"),
    }


def merge(stored: StoredRule, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a rule after a change, in the form of a request that creates it."""
    before = request_fields(stored)
    if before["resource_type"] != ResourceType.IMAGE:
        # The other fields are about images.
        before = {name: value for name, value in before.items() if name in _OF_ANY_TYPE}
    merged = {**before, **changes}
    if not merged.get("filters", True):
        # A set of ids has no filters, not even an empty object.
        del merged["filters"]
    return merged
