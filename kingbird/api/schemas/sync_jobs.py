"""The body of ``POST /v1.0/{project}/os-sync``.

Each ``description`` says what is allowed at its place in words that go on after "it must be";
error messages are made from them.
"""

from collections.abc import Iterable
from typing import Any, TypedDict

from kingbird.api import validation


class SyncSet(TypedDict):
    """One set of a request as it is stored, whatever spelling it came in."""

    resource_type: str
    #: Image ids, lower case with dashes, each once.
    resources: list[str]
    #: Region names in the order of preference, each once.
    sources: list[str]
    targets: list[str]
    force: bool


_REGION = {
    "description": "the name of a region",
    "type": "string",
    "minLength": 1,
}

_SET = {
    "description": "an object with resource_type, resources, source and target",
    "type": "object",
    "additionalProperties": False,
    "required": ["resource_type", "resources", "source", "target"],
    "properties": {
        "resource_type": {"description": '"image"', "enum": ["image"]},
        "resources": {
            "description": "a list of at least one image id",
            "type": "array",
            "minItems": 1,
            "items": {
                "description": "an image id (a UUID)",
                "type": "string",
                "format": validation.UUID_FORMAT,
            },
        },
        "source": {
            "description": "the name of a region, or a list of at least one such name",
            "type": ["string", "array"],
            "minLength": 1,
            "minItems": 1,
            "items": _REGION,
        },
        "target": {
            "description": "a list of at least one name of a region",
            "type": "array",
            "minItems": 1,
            "items": _REGION,
        },
        "force": {
            "description": 'true, false, "True" or "False"',
            # The published client sends strings.
            "enum": [True, False, "True", "False"],
        },
    },
}

CREATE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
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
                "description": "an object with nothing but Sync",
                "additionalProperties": False,
                "properties": {
                    "Sync": {
                        "description": "a list of at least one set",
                        "type": "array",
                        "minItems": 1,
                        "items": _SET,
                    }
                },
            },
            "else": _SET,
        }
    },
}


def _once(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def sets_of(body: dict[str, Any]) -> dict[str, SyncSet]:
    """Return the sets of a body that is valid by :data:`CREATE`, all in one spelling.

    :returns: the sets, each under the name of its field, such as ``resource_set.Sync[1]``.
    """
    resource_set = body["resource_set"]
    if "Sync" not in resource_set:
        return {"resource_set": _set_of(resource_set)}
    return {
        f"resource_set.Sync[{index}]": _set_of(each)
        for index, each in enumerate(resource_set["Sync"])
    }


def _set_of(given: dict[str, Any]) -> SyncSet:
    source = given["source"]
    return {
        "resource_type": given["resource_type"],
        "resources": _once(map(validation.dashed, given["resources"])),
        "sources": [source] if isinstance(source, str) else _once(source),
        "targets": _once(given["target"]),
        "force": given.get("force") in (True, "True"),
    }
