"""``filters`` of a set: which images ``"*"`` stands for."""

from typing import Any

from kingbird import exception
from kingbird.api.schemas import formats
from kingbird.api.schemas.bounds import MAX_FILTERED, MAX_NAME, MAX_VALUE
from kingbird.api.schemas.shapes import enum, input_string, scalar_or_array

VISIBILITIES = ["public", "private", "shared", "community"]
#: Glance's states of an image that can be listed.
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
#: A size is a signed number of 64 bits in Glance's database.
LARGEST = 2**63 - 1


_SIZE = {
    "description": f"a number of bytes from 0 to {LARGEST}",
    "type": "integer",
    "minimum": 0,
    "maximum": LARGEST,
}
_STATUS = enum(STATUSES)
_TAG = input_string(f"a tag of 1 to {MAX_NAME} characters")

FILTERS: dict[str, Any] = {
    "title": "Filters",
    "meaning": 'Narrows what ["*"] stands for.',
    "description": "an object of filters",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "visibility": enum(VISIBILITIES, "Images of this visibility."),
        "owner": {
            "meaning": "Images of this project.",
            **input_string(f"a project's id of 1 to {MAX_NAME} characters"),
        },
        "name": {
            "meaning": "Images of this name.",
            **input_string(f"a name of at most {MAX_NAME} characters", shortest=0),
        },
        "name_prefix": {
            "meaning": "Images whose names begin so.",
            **input_string(f"the beginning of a name, 1 to {MAX_NAME} characters"),
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
            "propertyNames": input_string(
                f"an object whose names have 1 to {MAX_NAME} characters, none of them a control "
                "character"
            ),
            "additionalProperties": input_string(
                f"a string of at most {MAX_VALUE} characters, none of them a control character",
                shortest=0,
                longest=MAX_VALUE,
            ),
        },
        "size_min": {"meaning": "Images of at least this size.", **_SIZE},
        "size_max": {"meaning": "Images of at most this size.", **_SIZE},
        "updated_since": {
            "meaning": "Images that changed then or later; UTC unless it names another zone.",
            "description": "a date and time in ISO 8601, such as 2026-11-22T23:00:00Z",
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
    """Return a project's id as Keystone writes it; one that is no UUID stays as it is."""
    try:
        return formats.normalize_uuid(text).replace("-", "")
    except ValueError:
        return text


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(dict.fromkeys(value))


#: What each filter is stored as: its name, and what makes its value.
_STORED: dict[str, tuple[str, Any]] = {
    "visibility": ("visibility", str),
    "owner": ("owner", _owner),
    "name": ("name", str),
    "name_prefix": ("name_prefix", str),
    "tag": ("tags", _as_list),
    "property": ("properties", dict),
    "size_min": ("size_min", int),
    "size_max": ("size_max", int),
    "updated_since": ("updated_since", formats.normalize_datetime),
    "status": ("statuses", _as_list),
}


def normalize(given: dict[str, Any], field: str) -> dict[str, Any]:
    """Return filters that are valid by :data:`FILTERS` in the spelling that is stored.

    :param field: where they are in the request.
    :raises kingbird.exception.BadRequest: no size can be within the two that are given.
    """
    if given.get("size_min", 0) > given.get("size_max", LARGEST):
        raise exception.BadRequest(
            f"{field}.size_min is {int(given['size_min'])}; "
            f"it must be no more than size_max, which is {int(given['size_max'])}"
        )
    stored = {}
    for name, value in given.items():
        key, spell = _STORED[name]
        stored[key] = spell(value)
    return stored
