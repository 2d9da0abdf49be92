"""The schema of a set's ``filters``, which select from the images of a wildcard."""

from collections.abc import Callable
from typing import Any

from kingbird import exception
from kingbird.api.schemas import formats
from kingbird.api.schemas.limits import MAX_FILTERED, MAX_NAME, MAX_VALUE
from kingbird.api.schemas.shapes import enum, scalar_or_array

VISIBILITIES = ["public", "private", "shared", "community"]
#: The states of images that Glance lists.
STATUSES = [
    "queued",
    "saving",
    "uploading",
    "importing",
    "active",
    "deactivated",
    "killed",
    "pending_delete",
]
#: The maximum of a size, which is a signed 64-bit number in Glance's database.
LARGEST = 2**63 - 1

_SIZE = {
    "description": f"a number of bytes from 0 to {LARGEST}",
    "type": "integer",
    "minimum": 0,
    "maximum": LARGEST,
}
_STATUS = enum(STATUSES)


def _glance_string(
    description: str, *, min_length: int = 1, max_length: int = MAX_NAME
) -> dict[str, Any]:
    """Return the schema of a text of Glance, which may hold control characters."""
    return {
        "description": description,
        "type": "string",
        "minLength": min_length,
        "maxLength": max_length,
    }


_TAG = _glance_string(f"a tag of 1 to {MAX_NAME} characters")

FILTERS: dict[str, Any] = {
    "title": "Filters",
    "meaning": 'Selects from the images that ["*"] stands for.',
    "description": "an object of filters",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "visibility": enum(VISIBILITIES, "Images of this visibility."),
        "owner": {
            "meaning": "Images of this project.",
            **_glance_string(f"a project's id of 1 to {MAX_NAME} characters"),
        },
        "name": {
            "meaning": "Images of this name.",
            **_glance_string(f"a name of at most {MAX_NAME} characters", min_length=0),
        },
        "name_prefix": {
            "meaning": "Images whose names begin with this text.",
            **_glance_string(f"the beginning of a name, 1 to {MAX_NAME} characters"),
        },
        "tag": {
            "meaning": "Images with this tag, or all of these.",
            **scalar_or_array(
                f"a tag of 1 to {MAX_NAME} characters, or a list of at least one and at most "
                f"{MAX_FILTERED}",
                _TAG,
                MAX_FILTERED,
            ),
        },
        "property": {
            "meaning": "Images with all of these properties.",
            "description": "an object of at least one property's name and value, and at most "
            f"{MAX_FILTERED}",
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_FILTERED,
            "propertyNames": _glance_string(
                f"an object whose names have 1 to {MAX_NAME} characters"
            ),
            "additionalProperties": _glance_string(
                f"a string of at most {MAX_VALUE} characters",
                min_length=0,
                max_length=MAX_VALUE,
            ),
        },
        "size_min": {"meaning": "Images of at least this size.", **_SIZE},
        "size_max": {"meaning": "Images of at most this size.", **_SIZE},
        "updated_since": {
            "meaning": "Images that changed then or later; UTC unless it names another zone.",
            "description": "a date, or a date and time, in ISO 8601, such as 2026-11-22T23:00:00Z",
            "type": "string",
            "format": formats.DATETIME,
        },
        "status": {
            "meaning": "Images of this status, or one of these.",
            **scalar_or_array(
                f"one of {', '.join(STATUSES)}, or a list of at least one of them",
                _STATUS,
                MAX_FILTERED,
            ),
        },
    },
}


def _owner(text: str) -> str:
    """Return a project's id in Keystone's form.  A text that is not a UUID stays unchanged."""
    try:
        return formats.normalize_uuid(text).replace("-", "")
    except ValueError:
        return text


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(dict.fromkeys(value))


#: The stored names of filters that the API calls otherwise.
_STORED_NAMES = {"tag": "tags", "property": "properties", "status": "statuses"}
#: The functions that normalize values.
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "owner": _owner,
    "tag": _as_list,
    "size_min": int,
    "size_max": int,
    "updated_since": formats.normalize_datetime,
    "status": _as_list,
}


def normalize(filters: dict[str, Any], field: str) -> dict[str, Any]:
    """Return valid filters in their stored form.

    :param filters: filters that are valid by :data:`FILTERS`.
    :param field: the path of the filters in the request.
    :raises kingbird.exception.BadRequest: the minimum of the size exceeds the maximum.
    """
    if filters.get("size_min", 0) > filters.get("size_max", LARGEST):
        raise exception.BadRequest(
            f"{field}.size_min is {int(filters['size_min'])}; "
            f"it must be no more than size_max, which is {int(filters['size_max'])}"
        )
    return {
        _STORED_NAMES.get(name, name): _CONVERSIONS[name](value) if name in _CONVERSIONS else value
        for name, value in filters.items()
    }


def denormalize(stored: dict[str, Any]) -> dict[str, Any]:
    """Return stored filters in the form of a request."""
    names = {stored_name: name for name, stored_name in _STORED_NAMES.items()}
    return {names.get(name, name): value for name, value in stored.items()}
