"""The schemas of request bodies.

A rule has the fields of a set, but for those that are about one run.
"""

from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.limits import MAX_NAME, RequestLimits
from kingbird.api.schemas.shapes import DIALECT, JSONSchema
from kingbird.api.schemas.sync_jobs.bodies import (
    boolean,
    bounded_array,
    image_set,
    metadef_set,
    orphan_limit,
)
from kingbird.api.schemas.sync_jobs.metadefs import by_type

#: The longest interval in seconds: a year.
MAX_INTERVAL = 366 * 24 * 3600
#: The interval of a rule that names none, in seconds.
DEFAULT_INTERVAL = 3600
_TEXT = {"type": "string", "maxLength": MAX_NAME, "format": formats.TEXT}
#: The fields of a set that a rule has not.
_NOT_IN_RULES = ("dry_run", "orphan_limit")
_DESCRIPTION = "an object with name, resource_type, resources, source and target"


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
        "enabled": boolean("False stops the rule from running; the default is true."),
        "events": boolean("False stops uploads from beginning runs; the default is true."),
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
    """Return the schema of a rule about images or metadata definitions."""
    return by_type(_image_rule(limits), _metadef_rule(limits), _DESCRIPTION)


def _image_rule(limits: RequestLimits) -> JSONSchema:
    return {
        **_rule_of(image_set(limits), _fields(limits)),
        "title": "RuleRequest",
        "meaning": "A set that stands, and how often it runs.",
    }


def _metadef_rule(limits: RequestLimits) -> JSONSchema:
    fields = _fields(limits)
    fields["events"] = {
        "description": 'false, as resource_type is "metadef": Glance\'s events tell of images',
        "enum": [False, "False"],
    }
    return {
        **_rule_of(metadef_set(limits), fields),
        "title": "MetadefRuleRequest",
        "meaning": "A set of metadata definitions that stands, and how often it runs.",
    }


def _rule_of(of_set: JSONSchema, fields: JSONSchema) -> JSONSchema:
    """Return the schema of a rule about one type of resources.

    :param of_set: the schema of a set of that type.
    :param fields: the schemas of the fields that a rule has beside those of a set.
    """
    properties = {
        name: schema for name, schema in of_set["properties"].items() if name not in _NOT_IN_RULES
    }
    return {
        **of_set,
        "description": _DESCRIPTION,
        "required": ["name", *of_set["required"]],
        "properties": {**fields, **properties},
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
    rule, metadefs = _image_rule(limits), _metadef_rule(limits)["properties"]
    names = ("resource_type", "resources")
    either = {name: _either(rule["properties"][name], metadefs[name]) for name in names}
    return _body(
        "RuleChange",
        {
            "title": "RuleChangeRequest",
            "meaning": "The fields to change; the others stay.",
            "description": "an object of at least one field of a rule",
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {**rule["properties"], **either},
        },
    )


def _either(of_images: JSONSchema, of_namespaces: JSONSchema) -> JSONSchema:
    """Return the schema of a field that may be that of a rule of either type."""
    merged = {**of_namespaces, "meaning": of_images.get("meaning", "The type of the resources.")}
    merged["description"] = of_images["description"]
    if "enum" in of_images:
        merged["enum"] = [*of_images["enum"], *of_namespaces["enum"]]
    return merged


def run(limits: RequestLimits) -> dict[str, Any]:
    """Return the schema of a request that runs a rule."""
    return {
        "title": "RuleRun",
        "description": "empty, or an object with dry_run, orphan_limit or resources",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "dry_run": boolean("Plans, and writes nothing in any region."),
            "orphan_limit": orphan_limit(),
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
