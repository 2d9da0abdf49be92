"""The schemas of request bodies.  A rule has the fields of a set, but for ``dry_run``."""

from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.limits import MAX_NAME, RequestLimits
from kingbird.api.schemas.shapes import DIALECT, JSONSchema
from kingbird.api.schemas.sync_jobs.bodies import BOOLEAN, bounded_array, sync_set

#: The longest interval in seconds: a year.
MAX_INTERVAL = 366 * 24 * 3600
#: The interval of a rule that names none, in seconds.
DEFAULT_INTERVAL = 3600
_TEXT = {"type": "string", "maxLength": MAX_NAME, "format": formats.TEXT}
#: The fields of a set that a rule has not.
_NOT_IN_RULES = ("dry_run",)


def _fields(limits: RequestLimits) -> JSONSchema:
    """Return the schemas of the fields that a rule has beside those of a set."""
    return {
        "name": {
            "meaning": "The rule's name, which no other rule of the project has.",
            "description": f"a name of 1 to {MAX_NAME} characters",
            "minLength": 1,
            **_TEXT,
        },
        "description": {
            "meaning": "A text for people.",
            "description": f"a text of at most {MAX_NAME} characters",
            **_TEXT,
        },
        "enabled": {
            "meaning": "False stops the rule from running; the default is true.",
            **BOOLEAN,
        },
        "events": {
            "meaning": "False stops uploads from beginning runs; the default is true.",
            **BOOLEAN,
        },
        "interval": {
            "meaning": "Seconds between two full runs, 0 for a rule that has none but the first. "
            f"The default is {DEFAULT_INTERVAL}.",
            "description": f"0, or a number of seconds from {limits.interval} ([rules] "
            f"min_interval) to {MAX_INTERVAL}",
            "type": "integer",
            "anyOf": [{"const": 0}, {"minimum": limits.interval, "maximum": MAX_INTERVAL}],
        },
    }


def _rule(limits: RequestLimits) -> JSONSchema:
    of_set = sync_set(limits)
    properties = {
        name: schema for name, schema in of_set["properties"].items() if name not in _NOT_IN_RULES
    }
    return {
        **of_set,
        "title": "RuleRequest",
        "meaning": "A set that stands, and how often it runs.",
        "description": "an object with name, resource_type, resources, source and target",
        "required": ["name", *of_set["required"]],
        "properties": {**_fields(limits), **properties},
    }


def _body(title: str, rule: JSONSchema) -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        "title": title,
        "description": "an object with rule",
        "type": "object",
        "additionalProperties": False,
        "required": ["rule"],
        "properties": {"rule": rule},
    }


def create(limits: RequestLimits) -> dict[str, Any]:
    """Return the schema of a request that creates a rule."""
    return _body("RuleCreation", _rule(limits))


def update(limits: RequestLimits) -> dict[str, Any]:
    """Return the schema of a request that changes a rule.

    The fields are merged with those of the rule, and the result has to match :func:`create`.
    """
    rule = _rule(limits)
    return _body(
        "RuleChange",
        {
            "title": "RuleChangeRequest",
            "meaning": "The fields to change; the others stay.",
            "description": "an object of at least one field of a rule",
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": rule["properties"],
        },
    )


def run(limits: RequestLimits) -> dict[str, Any]:
    """Return the schema of a request that runs a rule."""
    return {
        "title": "RuleRun",
        "description": "empty, or an object with dry_run or resources",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "dry_run": {"meaning": "Plans, and writes nothing in any region.", **BOOLEAN},
            "resources": {
                "meaning": "The run is about these images only, as far as the rule selects them.",
                "description": "a list of at least one image id",
                **bounded_array("resources", limits),
                "items": {
                    "description": "an image id (a UUID)",
                    "type": "string",
                    "format": formats.UUID,
                },
            },
        },
    }
