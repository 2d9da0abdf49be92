"""Functions that build schemas of requests."""

from collections.abc import Sequence
from typing import Any

from kingbird.api.schemas import formats
from kingbird.api.schemas.limits import MAX_NAME

JSONSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


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
