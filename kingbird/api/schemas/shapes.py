"""Functions that build schemas."""

from collections.abc import Sequence
from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.limits import MAX_NAME

JSONSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_HEX = "[0-9a-f]"
_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_DATETIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}"


def input_string(
    description: str,
    *,
    min_length: int = 1,
    max_length: int = MAX_NAME,
    text_format: str | None = formats.TEXT,
) -> JSONSchema:
    """Return the schema of a string in a request.

    :param text_format: the format of the string, or ``None`` if it may hold any character.
    """
    return {
        "description": description,
        "type": "string",
        "minLength": min_length,
        "maxLength": max_length,
        **({} if text_format is None else {"format": text_format}),
    }


def scalar_or_array(description: str, item: JSONSchema, max_items: int) -> JSONSchema:
    """Return the schema of a value, or of a list with at least one value."""
    return {
        "description": description,
        "if": {"type": "array"},
        "then": {"description": description, "minItems": 1, "maxItems": max_items, "items": item},
        "else": {**item, "description": description},
    }


def enum(values: Sequence[str], meaning: str | None = None) -> JSONSchema:
    """Return the schema of a word out of several."""
    words = [str(value) for value in values]
    shape: JSONSchema = {"description": f"one of {', '.join(words)}", "enum": words}
    return shape if meaning is None else {"meaning": meaning, **shape}


def closed_object(
    title: str | None, description: str, properties: dict[str, JSONSchema]
) -> JSONSchema:
    """Return the schema of an object that has all of some properties and no others.

    :param title: the name of a component of the OpenAPI document.
    """
    return {
        **({} if title is None else {"title": title}),
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def array_of(description: str, item: JSONSchema) -> JSONSchema:
    """Return the schema of a list in a response."""
    return {"description": description, "type": "array", "items": item}


# Schemas of responses.


def output_string(meaning: str) -> JSONSchema:
    """Return the schema of a string in a response."""
    return {"description": meaning, "type": "string"}


def output_nullable_string(meaning: str) -> JSONSchema:
    """Return the schema of a string or null in a response."""
    return {"description": meaning, "type": ["string", "null"]}


def output_count(meaning: str) -> JSONSchema:
    """Return the schema of a count in a response."""
    return {"description": meaning, "type": "integer", "minimum": 0}


def output_boolean(meaning: str) -> JSONSchema:
    """Return the schema of a boolean in a response."""
    return {"description": meaning, "type": "boolean"}


def output_uuid(meaning: str) -> JSONSchema:
    """Return the schema of an id in a response: in lower case with dashes."""
    return {"description": meaning, "type": "string", "pattern": f"^{_UUID}$"}


def output_nullable_datetime(meaning: str) -> JSONSchema:
    """Return the schema of a time or null in a response."""
    return {"description": meaning, "type": ["string", "null"], "pattern": f"^{_DATETIME}$"}


def output_datetime(meaning: str, *, allow_none_text: bool = False) -> JSONSchema:
    """Return the schema of a time in a response: ISO 8601 in UTC, to the microsecond.

    :param allow_none_text: True if the text ``None`` stands for no time.
    """
    pattern = f"^({_DATETIME}|None)$" if allow_none_text else f"^{_DATETIME}$"
    return {"description": meaning, "type": "string", "pattern": pattern}


LINKS: JSONSchema = array_of(
    "Links to related pages",
    closed_object(
        "Link",
        "A link",
        {
            "rel": output_string("The relation of the linked page"),
            "href": output_string("The link's URL"),
        },
    ),
)
