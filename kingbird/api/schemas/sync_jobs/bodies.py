"""The body of ``POST /v1.0/{project}/os-sync``, and that of the calls that take none."""

from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.bounds import MAX_NAME, OPTIONS, RequestLimits
from kingbird.api.schemas.filters import FILTERS
from kingbird.api.schemas.shapes import DIALECT, JSONSchema, input_string
from kingbird.states import ALL

_BOOLEAN = {
    "description": 'true, false, "True" or "False"',
    # The published client sends strings.
    "enum": [True, False, "True", "False"],
}
_FALSE = [False, "False"]

_REGION = input_string(f"the name of a region, 1 to {MAX_NAME} characters")
_TARGET = f'a list of at least one name of a region, or "{ALL}" alone'
_SOURCE = f'the name of a region, or a list of at least one such name, or "{ALL}"'

#: What a call takes that has nothing to be told.
EMPTY: JSONSchema = {
    "title": "Nothing",
    "description": "empty, or {}",
    "type": "object",
    "additionalProperties": False,
    "properties": {},
}


def _wildcard_alone(description: str) -> JSONSchema:
    """Return what keeps :data:`ALL` from standing in a list beside others."""
    return {
        "if": {"contains": {"const": ALL}},
        "then": {"description": description, "maxItems": 1},
    }


def _because(reason: str, **properties: JSONSchema) -> JSONSchema:
    """Return what fields must be for a reason that lies in another field."""
    return {
        name: {**schema, "description": f"{schema['description']}, as {reason}"}
        for name, schema in properties.items()
    }


def _bounded_array(bound: str, bounds: RequestLimits) -> JSONSchema:
    """Return what a list has at most, which is looked at before what is in it."""
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": getattr(bounds, bound),
        "x-option": OPTIONS[bound],
    }


def _set(bounds: RequestLimits) -> JSONSchema:
    return {
        "title": "SyncSet",
        "meaning": "Which images, from where, to where, and how.",
        "description": "an object with resource_type, resources, source and target",
        "type": "object",
        "additionalProperties": False,
        "required": ["resource_type", "resources", "source", "target"],
        "properties": {
            "resource_type": {"description": '"image"', "enum": ["image"]},
            "resources": {
                "meaning": f'Ids of images, or ["{ALL}"] for all that the project owns. What is '
                "named twice counts once.",
                "description": f'a list of at least one image id, or ["{ALL}"]',
                **_bounded_array("resources", bounds),
                "items": {
                    "description": f'an image id (a UUID), or "{ALL}" alone',
                    "type": "string",
                    # One check, not one of two: a request may name a great many.
                    "format": formats.UUID_OR_ALL,
                },
                **_wildcard_alone(f'a list of image ids, or ["{ALL}"] without any id'),
            },
            "source": {
                "meaning": "Where the images are read: each from the region that has its data, "
                "and among several of those from the one that is named first.",
                "description": _SOURCE,
                "if": {"type": "string"},
                "then": {**_REGION, "description": _SOURCE},
                "else": {
                    "description": _SOURCE,
                    **_bounded_array("regions", bounds),
                    "items": _REGION,
                },
            },
            "target": {
                "meaning": "Where the records are made. A region may be a target and one of "
                "several sources.",
                "description": _TARGET,
                "if": {"type": "string"},
                "then": {"description": _TARGET, "const": ALL},
                "else": {
                    "description": _TARGET,
                    **_bounded_array("regions", bounds),
                    "items": _REGION,
                    **_wildcard_alone(_TARGET),
                },
            },
            "force": {"meaning": "Makes copies under other ids.", **_BOOLEAN},
            "filters": FILTERS,
            "all_projects": {
                "meaning": f'Makes ["{ALL}"] stand for the images of every project.',
                **_BOOLEAN,
            },
            "dry_run": {"meaning": "Plans, and writes nothing in any region.", **_BOOLEAN},
            "on_drift": {
                "meaning": "What becomes of a copy that differs; report if it is left out.",
                "description": '"report" or "update"',
                "enum": ["report", "update"],
            },
            "prune": {
                "meaning": "Takes properties from a copy that its source does not have.",
                **_BOOLEAN,
            },
        },
        "allOf": [
            {
                "if": {"not": {"properties": {"resources": {"const": [ALL]}}}},
                "then": {
                    "properties": _because(
                        f'resources is not ["{ALL}"]',
                        filters={"description": "left out", "not": {}},
                        all_projects={"description": "false", "enum": _FALSE},
                    )
                },
            },
            {
                "if": {
                    "not": {
                        "properties": {"on_drift": {"const": "update"}},
                        "required": ["on_drift"],
                    }
                },
                "then": {
                    "properties": _because(
                        'on_drift is not "update"',
                        prune={"description": "false", "enum": _FALSE},
                    )
                },
            },
        ],
    }


def create(bounds: RequestLimits) -> dict[str, Any]:
    """Return the schema of a request for a job."""
    one = _set(bounds)
    return {
        "$schema": DIALECT,
        "title": "SyncRequest",
        "description": "an object with resource_set",
        "type": "object",
        "additionalProperties": False,
        "required": ["resource_set"],
        "properties": {
            "resource_set": {
                "description": "an object, either one set or a list of sets under Sync",
                "type": "object",
                # Not "anyOf": an error should point into the branch that was meant.
                "if": {"type": "object", "required": ["Sync"]},
                "then": {
                    "title": "SyncSets",
                    "description": "an object with nothing but Sync",
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["Sync"],
                    "properties": {
                        "Sync": {
                            "meaning": "Sets that make one job.",
                            "description": "a list of at least one set",
                            **_bounded_array("sets", bounds),
                            "items": one,
                        }
                    },
                },
                "else": one,
            }
        },
    }


def empty(bounds: RequestLimits) -> dict[str, Any]:
    """Return the schema of the body of a call that needs none."""
    return EMPTY
