"""What schemas are made of: texts, choices, and objects that are whole."""

from collections.abc import Sequence
from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.bounds import MAX_NAME

JSONSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_HEX = "[0-9a-f]"
_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}"


def input_string(description: str, *, shortest: int = 1, longest: int = MAX_NAME) -> JSONSchema:
    """Return the schema of a text that comes in."""
    return {
        "description": description,
        "type": "string",
        "minLength": shortest,
        "maxLength": longest,
        "format": formats.TEXT,
    }


def scalar_or_array(description: str, one: JSONSchema, most: int) -> JSONSchema:
    """Return the schema of a value, or of a list of at least one."""
    return {
        "description": description,
        "if": {"type": "array"},
        "then": {"description": description, "minItems": 1, "maxItems": most, "items": one},
        "else": {**one, "description": description},
    }


def enum(values: Sequence[str], meaning: str | None = None) -> JSONSchema:
    """Return the schema of a word out of several."""
    words = [str(value) for value in values]
    shape: JSONSchema = {"description": f"one of {', '.join(words)}", "enum": words}
    return shape if meaning is None else {"meaning": meaning, **shape}


def closed_object(
    title: str | None, description: str, properties: dict[str, JSONSchema]
) -> JSONSchema:
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


def array_of(description: str, one: JSONSchema) -> JSONSchema:
    """Return the schema of a list in an answer."""
    return {"description": description, "type": "array", "items": one}


# What answers are made of.


def output_string(meaning: str) -> JSONSchema:
    """Return the schema of a text in an answer."""
    return {"description": meaning, "type": "string"}


def output_nullable_string(meaning: str) -> JSONSchema:
    """Return the schema of a text in an answer that may be missing."""
    return {"description": meaning, "type": ["string", "null"]}


def output_count(meaning: str) -> JSONSchema:
    """Return the schema of a count in an answer."""
    return {"description": meaning, "type": "integer", "minimum": 0}


def output_boolean(meaning: str) -> JSONSchema:
    """Return the schema of a flag in an answer."""
    return {"description": meaning, "type": "boolean"}


def output_uuid(meaning: str) -> JSONSchema:
    """Return the schema of an id in an answer: in lower case with dashes."""
    return {"description": meaning, "type": "string", "pattern": f"^{_UUID}$"}


def output_datetime(meaning: str, *, allow_none_text: bool = False) -> JSONSchema:
    """Return the schema of a time in an answer: ISO 8601 in UTC, to the microsecond.

    :param allow_none_text: whether it is the text ``None`` while nothing has happened.
    """
    pattern = f"^({_MOMENT}|None)$" if allow_none_text else f"^{_MOMENT}$"
    return {"description": meaning, "type": "string", "pattern": pattern}


LINKS: JSONSchema = array_of(
    "Where there is more",
    closed_object(
        "Link",
        "A link",
        {
            "rel": output_string("What it leads to"),
            "href": output_string("Its URL"),
        },
    ),
)
