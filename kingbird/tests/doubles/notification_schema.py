"""JSON Schema of a notification's payload.  Consumers rely on it, so it only ever grows."""

from typing import Any

_COUNTS = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_NAMES = {"type": ["array", "null"], "items": {"type": "string"}}

PAYLOAD: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "job_id": {"type": "string"},
        "project_id": {"type": "string"},
        "user_id": {"type": "string"},
        "request_id": _TEXT_OR_NULL,
        "global_request_id": _TEXT_OR_NULL,
        "resource_type": _TEXT_OR_NULL,
        "source_regions": _NAMES,
        "target_regions": _NAMES,
        "all_projects": {"type": "boolean"},
        "dry_run": {"type": ["boolean", "null"]},
        "run": {"type": "integer", "minimum": 1},
        "state": {"enum": ["IN_PROGRESS", "SUCCESS", "FAILURE", "CANCELLED"]},
        "reason": _TEXT_OR_NULL,
        "created_at": {"type": "string"},
        "ended_at": _TEXT_OR_NULL,
        "statuses": {"anyOf": [_COUNTS, {"type": "null"}]},
        "outcomes": {"anyOf": [_COUNTS, {"type": "null"}]},
    },
    "additionalProperties": False,
}
PAYLOAD["required"] = sorted(PAYLOAD["properties"])
