"""The schemas of the lists' queries."""

from collections.abc import Iterable, Sequence
from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.shapes import enum
from kingbird.db import api as db
from kingbird.states import PUBLIC_JOB_STATES, ItemState

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
    return {
        "meaning": f"Only entries with this {field}, or one of these.",
        "description": f"a list of {MAX_STATUSES} states at most",
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_STATUSES,
        "items": {"type": "string", **enum(states)},
    }


JOBS = page_query(
    "job",
    db.pagination.JOB_KEYS,
    {
        "rule": {
            "meaning": "Only jobs that this rule made.",
            "description": "the id of a rule (a UUID)",
            "type": "string",
            "format": formats.UUID,
        },
        "status": states_of("sync_status", PUBLIC_JOB_STATES),
    },
)
ITEMS = page_query(
    "item", db.pagination.ITEM_KEYS, {"status": states_of("sync_status", tuple(ItemState))}
)
