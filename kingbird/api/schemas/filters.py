"""``filters`` of a set: which images ``"*"`` stands for."""

from typing import Any

from kingbird import exception
from kingbird.api import validation

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
#: What Glance allows for names, tags and the names of properties.
LENGTH = 255
#: A size is a signed number of 64 bits in Glance's database.
LARGEST = 2**63 - 1


def _text(description: str, *, shortest: int = 1, longest: int | None = LENGTH) -> dict[str, Any]:
    schema = {
        "description": description,
        "type": "string",
        "minLength": shortest,
        "format": validation.TEXT_FORMAT,
    }
    return schema if longest is None else {**schema, "maxLength": longest}


def _one_or_several(description: str, one: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value, or of a list of at least one."""
    return {
        "description": description,
        "if": {"type": "array"},
        "then": {"description": description, "minItems": 1, "items": one},
        "else": {**one, "description": description},
    }


_SIZE = {
    "description": f"a number of bytes from 0 to {LARGEST}",
    "type": "integer",
    "minimum": 0,
    "maximum": LARGEST,
}
_STATUS = {"description": f"one of {', '.join(STATUSES)}", "enum": STATUSES}
_TAG = _text(f"a tag of 1 to {LENGTH} characters")

FILTERS: dict[str, Any] = {
    "description": "an object of filters",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "visibility": {
            "description": f"one of {', '.join(VISIBILITIES)}",
            "enum": VISIBILITIES,
        },
        "owner": _text(f"a project's id of 1 to {LENGTH} characters"),
        "name": _text(f"a name of at most {LENGTH} characters", shortest=0),
        "name_prefix": _text(f"the beginning of a name, 1 to {LENGTH} characters"),
        "tag": _one_or_several(
            f"a tag of 1 to {LENGTH} characters, or a list of at least one", _TAG
        ),
        "property": {
            "description": "an object of at least one property's name and value",
            "type": "object",
            "minProperties": 1,
            "propertyNames": _text(
                f"an object whose names have 1 to {LENGTH} characters, none of them a control "
                "character"
            ),
            "additionalProperties": _text(
                "a string without control characters", shortest=0, longest=None
            ),
        },
        "size_min": _SIZE,
        "size_max": _SIZE,
        "updated_since": {
            "description": "a date and time in ISO 8601, such as 2026-11-22T23:00:00Z",
            "type": "string",
            "format": validation.MOMENT_FORMAT,
        },
        "status": _one_or_several(
            f"one of {', '.join(STATUSES)}, or a list of at least one of them", _STATUS
        ),
    },
}


def _owner(text: str) -> str:
    """Return a project's id as Keystone writes it; one that is no UUID stays as it is."""
    try:
        return validation.dashed(text).replace("-", "")
    except ValueError:
        return text


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(dict.fromkeys(value))


#: What each filter is stored as: its name, and what makes its value.
_STORED: dict[str, tuple[str, Any]] = {
    "visibility": ("visibility", str),
    "owner": ("owner", _owner),
    "name": ("name", str),
    "name_prefix": ("name_prefix", str),
    "tag": ("tags", _several),
    "property": ("properties", dict),
    "size_min": ("size_min", int),
    "size_max": ("size_max", int),
    "updated_since": ("updated_since", validation.utc),
    "status": ("statuses", _several),
}


def normal(given: dict[str, Any], field: str) -> dict[str, Any]:
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
