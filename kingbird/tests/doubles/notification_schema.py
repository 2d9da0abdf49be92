"""JSON Schemas of notifications' payloads.  Consumers rely on them, so they only ever grow."""

from typing import Any

_TEXT = {"type": "string"}
_COUNTS = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
_COUNTS_OR_NULL = {"anyOf": [_COUNTS, {"type": "null"}]}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_NAMES = {"type": ["array", "null"], "items": {"type": "string"}}
_RULE_STATE = {"enum": ["OK", "FAILING", "NO_CREDENTIALS"]}


def _closed(**properties: Any) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": sorted(properties),
    }


#: Of notifications about jobs.
PAYLOAD = _closed(
    job_id=_TEXT,
    project_id=_TEXT,
    user_id=_TEXT,
    request_id=_TEXT_OR_NULL,
    global_request_id=_TEXT_OR_NULL,
    resource_type=_TEXT_OR_NULL,
    source_regions=_NAMES,
    target_regions=_NAMES,
    all_projects={"type": "boolean"},
    dry_run={"type": ["boolean", "null"]},
    run={"type": "integer", "minimum": 1},
    state={"enum": ["IN_PROGRESS", "SUCCESS", "FAILURE", "CANCELLED"]},
    reason=_TEXT_OR_NULL,
    created_at=_TEXT,
    ended_at=_TEXT_OR_NULL,
    statuses=_COUNTS_OR_NULL,
    outcomes=_COUNTS_OR_NULL,
)
#: Of ``kingbird.rule.state``.
RULE_PAYLOAD = _closed(
    rule_id=_TEXT,
    name=_TEXT,
    project_id=_TEXT,
    user_id=_TEXT,
    before=_RULE_STATE,
    state=_RULE_STATE,
    reason=_TEXT_OR_NULL,
    message=_TEXT_OR_NULL,
    changed_at=_TEXT,
)
