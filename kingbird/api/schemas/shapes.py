"""What schemas are made of: texts, choices, and objects that are whole."""

from collections.abc import Sequence
from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.bounds import MAX_NAME

Shape = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_HEX = "[0-9a-f]"
_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}"


def text(description: str, *, shortest: int = 1, longest: int = MAX_NAME) -> Shape:
    """Return the schema of a text that comes in."""
    return {
        "description": description,
        "type": "string",
        "minLength": shortest,
        "maxLength": longest,
        "format": formats.TEXT,
    }


def one_or_several(description: str, one: Shape, most: int) -> Shape:
    """Return the schema of a value, or of a list of at least one."""
    return {
        "description": description,
        "if": {"type": "array"},
        "then": {"description": description, "minItems": 1, "maxItems": most, "items": one},
        "else": {**one, "description": description},
    }


def one_of(values: Sequence[str], meaning: str | None = None) -> Shape:
    """Return the schema of a word out of several."""
    shape: Shape = {"description": f"one of {', '.join(values)}", "enum": list(values)}
    return shape if meaning is None else {"meaning": meaning, **shape}


def whole(title: str | None, description: str, properties: dict[str, Shape]) -> Shape:
    """Return the schema of an object that has all of some properties, and no others.

    :param title: its name in the OpenAPI document, if it is to have one.
    """
    return {
        **({} if title is None else {"title": title}),
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def entries(description: str, one: Shape) -> Shape:
    """Return the schema of a list in an answer."""
    return {"description": description, "type": "array", "items": one}


# What answers are made of.


def answered(meaning: str) -> Shape:
    """Return the schema of a text in an answer."""
    return {"description": meaning, "type": "string"}


def answered_or_null(meaning: str) -> Shape:
    """Return the schema of a text in an answer that may be missing."""
    return {"description": meaning, "type": ["string", "null"]}


def answered_number(meaning: str) -> Shape:
    """Return the schema of a count in an answer."""
    return {"description": meaning, "type": "integer", "minimum": 0}


def answered_flag(meaning: str) -> Shape:
    """Return the schema of a flag in an answer."""
    return {"description": meaning, "type": "boolean"}


def answered_id(meaning: str) -> Shape:
    """Return the schema of an id in an answer: in lower case with dashes."""
    return {"description": meaning, "type": "string", "pattern": f"^{_UUID}$"}


def answered_moment(meaning: str, *, may_lack: bool = False) -> Shape:
    """Return the schema of a time in an answer: ISO 8601 in UTC, to the microsecond.

    :param may_lack: whether it is the text ``None`` while nothing has happened.
    """
    pattern = f"^({_MOMENT}|None)$" if may_lack else f"^{_MOMENT}$"
    return {"description": meaning, "type": "string", "pattern": pattern}


LINKS: Shape = entries(
    "Where there is more",
    whole(
        "Link",
        "A link",
        {
            "rel": answered("What it leads to"),
            "href": answered("Its URL"),
        },
    ),
)
