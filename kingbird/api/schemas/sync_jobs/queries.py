"""The queries of the lists: which page, of which entries, in which order."""

from collections.abc import Iterable, Sequence
from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.shapes import enum
from kingbird.db import api as db
from kingbird.states import PUBLIC_JOB_STATES, ItemState

#: A status may come several times, but there are no more than these to name.
MAX_STATUSES = 32


def _pages(what: str, states: Sequence[str], sort_keys: Iterable[str]) -> dict[str, Any]:
    return {
        "description": "a query",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "limit": {
                "meaning": "How many entries the page has at most. [api] max_limit is what a "
                "request gets that sets none or a larger one.",
                "description": "a whole number of at least 1",
                "type": "integer",
                "minimum": 1,
            },
            "marker": {
                "meaning": "What the page comes after.",
                "description": f"the id of the last {what} seen (a UUID)",
                "type": "string",
                "format": formats.UUID,
            },
            "sort_dir": {"type": "string", **enum(db.pagination.DIRECTIONS, "The direction.")},
            "sort_key": {
                "type": "string",
                **enum(list(sort_keys), "What the entries are sorted by."),
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


JOBS = _pages("job", PUBLIC_JOB_STATES, db.pagination.JOB_KEYS)
ITEMS = _pages("item", tuple(ItemState), db.pagination.ITEM_KEYS)
