"""Functions that build schemas of responses."""

from collections.abc import Iterable
from typing import Any

from kingbird.api.schemas.shapes import JSONSchema

_HEX = "[0-9a-f]"
_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_DATETIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}"


def closed(title: str, description: str, properties: dict[str, JSONSchema]) -> JSONSchema:
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


def value(meaning: str, kind: str | list[str], **keywords: Any) -> JSONSchema:
    """Return the schema of a value of a type."""
    return {"description": meaning, "type": kind, **keywords}


def text(meaning: str, **keywords: Any) -> JSONSchema:
    """Return the schema of a text."""
    return value(meaning, "string", **keywords)


def nullable_text(meaning: str, **keywords: Any) -> JSONSchema:
    """Return the schema of a text or null."""
    return value(meaning, ["string", "null"], **keywords)


def flag(meaning: str) -> JSONSchema:
    """Return the schema of true or false."""
    return value(meaning, "boolean")


def count(meaning: str) -> JSONSchema:
    """Return the schema of a count."""
    return value(meaning, "integer", minimum=0)


def array(meaning: str, items: JSONSchema) -> JSONSchema:
    """Return the schema of an array of values of one kind."""
    return value(meaning, "array", items=items)


def texts(meaning: str) -> JSONSchema:
    """Return the schema of an array of texts."""
    return array(meaning, {"type": "string"})


def by_name(meaning: str, each: JSONSchema) -> JSONSchema:
    """Return the schema of an object with values of one kind by free names."""
    return value(meaning, "object", additionalProperties=each)


def enum(meaning: str, values: Iterable[str | None]) -> JSONSchema:
    """Return the schema of one of some words, or of null if ``None`` is among them."""
    words = [None if one is None else str(one) for one in values]
    return {"description": meaning, "enum": words}


def uuid(meaning: str) -> JSONSchema:
    """Return the schema of an id: in lower case with dashes."""
    return text(meaning, pattern=f"^{_UUID}$")


def datetime(meaning: str, *, allow_none_text: bool = False) -> JSONSchema:
    """Return the schema of a time: ISO 8601 in UTC, to the microsecond.

    :param allow_none_text: True if the text ``None`` stands for no time.
    """
    return text(meaning, pattern=f"^({_DATETIME}|None)$" if allow_none_text else f"^{_DATETIME}$")


def nullable_datetime(meaning: str) -> JSONSchema:
    """Return the schema of a time or null."""
    return nullable_text(meaning, pattern=f"^{_DATETIME}$")


#: The values of fields that differ, by field.
DIFFERENT_FIELDS = by_name(
    "The values of the fields that differ, by field",
    closed(
        "DifferentValues",
        "The values of a field as texts, shortened; null where it is absent",
        {
            "source": nullable_text("The value in the source region"),
            "target": nullable_text("The copy's value"),
        },
    ),
)

LINKS = array(
    "Links to related pages",
    closed(
        "Link",
        "A link",
        {"rel": text("The relation of the linked page"), "href": text("The link's URL")},
    ),
)
