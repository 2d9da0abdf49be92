"""The schemas of the lists' queries."""

from collections.abc import Iterable, Sequence
from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.limits import MAX_NAME
from kingbird.api.schemas.shapes import enum, some, text
from kingbird.db import api as db
from kingbird.states import ALL, PUBLIC_JOB_STATES, ItemState

#: The maximum of states in a query, more than there are.
MAX_STATUSES = 32


def page_query(noun: str, sort_keys: Iterable[str], properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the query of a list.

    :param noun: an entry of the list.
    :param properties: the parameters that select entries.
    """
    return {
        "description": "a query",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "limit": {
                "meaning": "The maximum of entries in the page. [api] max_limit is the largest "
                "limit. Without a limit the answer has all entries.",
                "description": "a whole number of at least 1",
                "type": "integer",
                "minimum": 1,
            },
            "marker": {
                "meaning": "The entry before the page.",
                "description": f"the id of the last {noun} seen (a UUID)",
                "type": "string",
                "format": formats.UUID,
            },
            "sort_dir": {"type": "string", **enum(db.pagination.DIRECTIONS, "The direction.")},
            "sort_key": {
                "type": "string",
                **enum(list(sort_keys), "The field that the entries are sorted by."),
            },
            **properties,
        },
    }


def states_of(field: str, states: Sequence[str]) -> dict[str, Any]:
    """Return the schema of a parameter that selects entries by their state."""
    meaning = f"Only entries with this {field}, or one of these."
    return some(meaning, "states", {"type": "string", **enum(states)}, MAX_STATUSES)


def of_all_projects(noun: str) -> dict[str, Any]:
    """Return the schema of a parameter that selects entries of all projects."""
    return {
        "meaning": f"True for the {noun} of all projects, which only admins may list.",
        "type": "string",
        **enum(["true", "false"]),
    }


JOBS_BY = {
    "rule": {
        "meaning": "Only jobs that this rule made.",
        "description": "the id of a rule (a UUID)",
        "type": "string",
        "format": formats.UUID,
    },
    "status": states_of("sync_status", PUBLIC_JOB_STATES),
}
JOBS = page_query("job", db.pagination.JOB_KEYS, JOBS_BY)
DETAILS = page_query(
    "job", db.pagination.JOB_KEYS, {**JOBS_BY, "all_projects": of_all_projects("jobs")}
)
ITEMS = page_query(
    "item",
    db.pagination.ITEM_KEYS,
    {
        "changed_since": {
            "meaning": "Only items that were planned, or changed, then or later; UTC unless it "
            "names another zone.",
            "description": "a date, or a date and time, in ISO 8601, such as "
            "2026-11-22T23:00:00.000000",
            "type": "string",
            "format": formats.DATETIME,
        },
        "reason": some(
            "Only items with this reason, or one of these.",
            "reasons",
            {
                "type": "string",
                "description": "a reason, in lower case with underscores",
                "pattern": "^[a-z_]{1,64}$",
            },
            MAX_STATUSES,
        ),
        # The type of the job decides, which the schema does not know.
        "resource": text(
            f'the id of an image (a UUID), or "{ALL}"',
            "Only items of this image; of this namespace, by its name, if the job is about "
            "metadata definitions.",
        ),
        "status": states_of("sync_status", tuple(ItemState)),
        "target_region": text(
            f"the name of a region, 1 to {MAX_NAME} characters", "Only items in this region."
        ),
    },
)
