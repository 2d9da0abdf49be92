"""The body of ``POST /v1.0/{project}/os-sync``.

Each ``description`` says what is allowed at its place in words that go on after "it must be";
error messages are made from them.
"""

from collections.abc import Iterable
from typing import Any, TypedDict

from kingbird.api import validation
from kingbird.api.schemas import filters

#: Stands for all images, or all regions.
ALL = validation.ALL


class SyncSet(TypedDict):
    """One set of a request as it is stored, whatever spelling it came in.

    ``sources`` and ``targets`` may hold :data:`ALL` until
    :func:`kingbird.api.lookups.resolve_regions` has seen the catalog.
    """

    resource_type: str
    #: Image ids, lower case with dashes, each once; or :data:`ALL` alone.
    resources: list[str]
    #: Region names, those that the request names first and in its order, each once.
    sources: list[str]
    #: The sources that the request names; others rank equal.
    preferred: list[str]
    targets: list[str]
    force: bool
    all_projects: bool
    dry_run: bool
    #: ``report`` or ``update``.
    on_drift: str
    prune: bool
    #: As :func:`kingbird.api.schemas.filters.normal` makes them.
    filters: dict[str, Any]


_REGION = {
    "description": "the name of a region",
    "type": "string",
    "minLength": 1,
}

_TARGET = f'a list of at least one name of a region, or "{ALL}" alone'

_BOOLEAN = {
    "description": 'true, false, "True" or "False"',
    # The published client sends strings.
    "enum": [True, False, "True", "False"],
}
_TRUE = (True, "True")
_FALSE = [False, "False"]


def _all_alone(description: str) -> dict[str, Any]:
    """Return what keeps :data:`ALL` from standing in a list beside others."""
    return {
        "if": {"contains": {"const": ALL}},
        "then": {"description": description, "maxItems": 1},
    }


def _since(reason: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """Return what fields must be for a reason that lies in another field."""
    return {
        name: {**schema, "description": f"{schema['description']}, as {reason}"}
        for name, schema in properties.items()
    }


_SET = {
    "description": "an object with resource_type, resources, source and target",
    "type": "object",
    "additionalProperties": False,
    "required": ["resource_type", "resources", "source", "target"],
    "properties": {
        "resource_type": {"description": '"image"', "enum": ["image"]},
        "resources": {
            "description": f'a list of at least one image id, or ["{ALL}"]',
            "type": "array",
            "minItems": 1,
            "items": {
                "description": f'an image id (a UUID), or "{ALL}" alone',
                "type": "string",
                # One check, not one of two: a request may name a great many.
                "format": validation.SELECTED_FORMAT,
            },
            **_all_alone(f'a list of image ids, or ["{ALL}"] without any id'),
        },
        "source": {
            "description": "the name of a region, or a list of at least one such name, or "
            f'"{ALL}"',
            "type": ["string", "array"],
            "minLength": 1,
            "minItems": 1,
            "items": _REGION,
        },
        "target": {
            "description": _TARGET,
            "if": {"type": "string"},
            "then": {"description": _TARGET, "const": ALL},
            "else": {
                "description": _TARGET,
                "type": "array",
                "minItems": 1,
                "items": _REGION,
                **_all_alone(_TARGET),
            },
        },
        "force": _BOOLEAN,
        "filters": filters.FILTERS,
        "all_projects": _BOOLEAN,
        "dry_run": _BOOLEAN,
        "on_drift": {"description": '"report" or "update"', "enum": ["report", "update"]},
        "prune": _BOOLEAN,
    },
    "allOf": [
        {
            "if": {"not": {"properties": {"resources": {"const": [ALL]}}}},
            "then": {
                "properties": _since(
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
                "properties": _since(
                    'on_drift is not "update"', prune={"description": "false", "enum": _FALSE}
                )
            },
        },
    ],
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


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else _once(value)


def sets_of(body: dict[str, Any]) -> dict[str, SyncSet]:
    """Return the sets of a body that is valid by :data:`CREATE`, all in one spelling.

    :returns: the sets, each under the name of its field, such as ``resource_set.Sync[1]``.
    :raises kingbird.exception.BadRequest: values contradict each other.
    """
    resource_set = body["resource_set"]
    if "Sync" not in resource_set:
        return {"resource_set": _set_of(resource_set, "resource_set")}
    fields = {
        f"resource_set.Sync[{index}]": each for index, each in enumerate(resource_set["Sync"])
    }
    return {field: _set_of(each, field) for field, each in fields.items()}


def _set_of(given: dict[str, Any], field: str) -> SyncSet:
    resources = given["resources"]
    sources = _listed(given["source"])
    return {
        "resource_type": given["resource_type"],
        "resources": resources if resources == [ALL] else _once(map(validation.dashed, resources)),
        "sources": sources,
        "preferred": [name for name in sources if name != ALL],
        "targets": _listed(given["target"]),
        "force": given.get("force") in _TRUE,
        "all_projects": given.get("all_projects") in _TRUE,
        "dry_run": given.get("dry_run") in _TRUE,
        "on_drift": given.get("on_drift", "report"),
        "prune": given.get("prune") in _TRUE,
        "filters": filters.normal(given.get("filters", {}), f"{field}.filters"),
    }
