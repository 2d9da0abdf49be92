"""Functions that build schemas."""

from collections.abc import Iterable, Sequence
from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.limits import MAX_NAME

JSONSchema = dict[str, Any]

STRING_OR_NULL = ["string", "null"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_HEX = "[0-9a-f]"
_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_DATETIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}"


def scalar_or_array(description: str, item: JSONSchema, max_items: int) -> JSONSchema:
    """Return the schema of a value, or of a list with at least one value."""
    return {
        "description": description,
        "if": {"type": "array"},
        "then": {"description": description, "minItems": 1, "maxItems": max_items, "items": item},
        "else": {**item, "description": description},
    }


def text(description: str, meaning: str | None = None) -> JSONSchema:
    """Return the schema of a name of one line: of a region, a namespace or the like."""
    shape: JSONSchema = {
        "description": description,
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_NAME,
        "format": formats.TEXT,
    }
    return shape if meaning is None else {"meaning": meaning, **shape}


def some(meaning: str, noun: str, item: JSONSchema, most: int) -> JSONSchema:
    """Return the schema of a parameter with one or several values.

    :param noun: what they are, in the plural.
    """
    return {
        "meaning": meaning,
        "description": f"a list of {most} {noun} at most",
        "type": "array",
        "minItems": 1,
        "maxItems": most,
        "items": item,
    }


def true_or_false(meaning: str) -> JSONSchema:
    """Return the schema of a parameter that is true or false."""
    return {
        "meaning": meaning,
        "description": "true or false",
        "type": "string",
        "enum": ["true", "false", "True", "False"],
    }


def enum(values: Sequence[str], meaning: str | None = None) -> JSONSchema:
    """Return the schema of a word out of several."""
    words = [str(value) for value in values]
    shape: JSONSchema = {"description": f"one of {', '.join(words)}", "enum": words}
    return shape if meaning is None else {"meaning": meaning, **shape}


# Schemas of responses.


def closed_object(title: str, description: str, properties: dict[str, JSONSchema]) -> JSONSchema:
    """Return the schema of an object that has all of some properties and no others.

    :param title: the name of a component of the OpenAPI document.
    """
    return {
        "title": title,
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def output(meaning: str, kind: str | list[str] = "string", **keywords: Any) -> JSONSchema:
    """Return the schema of a value of a type."""
    return {"description": meaning, "type": kind, **keywords}


def output_enum(meaning: str, values: Iterable[str | None]) -> JSONSchema:
    """Return the schema of one of some words, or of null if ``None`` is among them."""
    words = [None if value is None else str(value) for value in values]
    return {"description": meaning, "enum": words}


def output_map(meaning: str, value: JSONSchema) -> JSONSchema:
    """Return the schema of an object with values of one kind by free names."""
    return output(meaning, "object", additionalProperties=value)


def output_count(meaning: str) -> JSONSchema:
    """Return the schema of a count."""
    return output(meaning, "integer", minimum=0)


def output_uuid(meaning: str) -> JSONSchema:
    """Return the schema of an id: in lower case with dashes."""
    return output(meaning, pattern=f"^{_UUID}$")


def output_datetime(meaning: str, *, allow_none_text: bool = False) -> JSONSchema:
    """Return the schema of a time: ISO 8601 in UTC, to the microsecond.

    :param allow_none_text: True if the text ``None`` stands for no time.
    """
    return output(
        meaning, pattern=f"^({_DATETIME}|None)$" if allow_none_text else f"^{_DATETIME}$"
    )


def output_nullable_datetime(meaning: str) -> JSONSchema:
    """Return the schema of a time or null."""
    return output(meaning, STRING_OR_NULL, pattern=f"^{_DATETIME}$")


#: The values of fields that differ, by field.
DIFFERENT_FIELDS = output_map(
    "The values of the fields that differ, by field",
    closed_object(
        "DifferentValues",
        "The values of a field as texts, shortened; null where it is absent",
        {
            "source": output("The value in the source region", STRING_OR_NULL),
            "target": output("The copy's value", STRING_OR_NULL),
        },
    ),
)

LINKS = output(
    "Links to related pages",
    "array",
    items=closed_object(
        "Link",
        "A link",
        {"rel": output("The relation of the linked page"), "href": output("The link's URL")},
    ),
)
