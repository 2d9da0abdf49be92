"""The schemas of the lists' queries."""

from collections.abc import Iterable, Sequence
from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.shapes import enum
from kingbird.db import api as db
from kingbird.states import PUBLIC_JOB_STATES, ItemState

#: The maximum of states in a query, more than there are.
MAX_STATUSES = 32


def _page_query(noun: str, states: Sequence[str], sort_keys: Iterable[str]) -> dict[str, Any]:
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
            "status": {
                "meaning": "Only entries with this sync_status, or one of these.",
                "description": f"a list of {MAX_STATUSES} states at most",
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_STATUSES,
                "items": {"type": "string", **enum(states)},
            },
        },
    }


JOBS = _page_query("job", PUBLIC_JOB_STATES, db.pagination.JOB_KEYS)
ITEMS = _page_query("item", tuple(ItemState), db.pagination.ITEM_KEYS)
