"""Validate data by schemas, with error messages for people.

The ``description`` of each subschema completes a sentence that begins with "it must be".
``meaning`` describes a field in the documentation only.  ``x-option`` names the option that sets a
limit.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema

from kingbird import exception
from kingbird.api.schemas import formats
from kingbird.text import MAX_QUOTED, quote

#: Keywords that limit a size, and the unit of that size.
_BOUNDS = {"maxItems": "entries", "maxProperties": "entries", "maxLength": "characters"}


def parse_path_uuid(text: str, label: str) -> str:
    """Return a UUID of the path in lower case with dashes.

    :param label: the name of the value in the error message.
    :raises kingbird.exception.BadRequest: the text is not a UUID.
    """
    try:
        return formats.normalize_uuid(text)
    except ValueError:
        raise exception.BadRequest(
            f"The {label} in the path is no UUID: {quote(text)}; it must be 32 hexadecimal "
            "digits, with or without dashes"
        ) from None


class Schema:
    """A compiled schema of input.  Safe for threads.

    :param schema: JSON Schema 2020-12, with a ``description`` in each subschema.  It is not
        checked here, because that takes longer than the rest of the application's start; a unit
        test checks the schemas of all operations.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._validator = jsonschema.Draft202012Validator(schema, format_checker=formats.CHECKER)

    def errors(self, value: Any) -> Iterator[jsonschema.ValidationError]:
        """Yield the errors of a value."""
        return self._validator.iter_errors(value)

    def validate(self, value: Any) -> None:
        """Check a value.

        :raises kingbird.exception.BadRequest: the value is invalid.  The message names the first
            invalid field by its path, such as ``resource_set.Sync[1].target``, its value and the
            allowed values.
        """
        error = next(self.errors(value), None)
        if error is not None:
            raise exception.BadRequest(_error_message(error))


def json_path(steps: Iterable[str | int]) -> str:
    """Return the path of a field in the form of error messages."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step[:MAX_QUOTED]}"
    return path.lstrip(".")


def _error_message(error: jsonschema.ValidationError) -> str:
    path = list(error.absolute_path)
    schema: Any = error.schema
    known = schema.get("properties", {})
    if error.validator == "required":
        missing = next(name for name in schema["required"] if name not in error.instance)
        return (
            f"{json_path([*path, missing])} is missing; it must be {known[missing]['description']}"
        )
    if error.validator == "additionalProperties" and known:
        unknown = next(name for name in error.instance if name not in known)
        return (
            f"{json_path([*path, unknown])} is unknown; "
            f"{json_path(path) or 'the body'} can have {', '.join(sorted(known))}"
        )
    if error.validator in _BOUNDS and "x-option" in schema:
        return (
            f"{json_path(path)} has {len(error.instance)} {_BOUNDS[error.validator]}; "
            f"it can have {error.validator_value} ({schema['x-option']})"
        )
    found = quote(error.instance)
    if error.validator in ("maxLength", "maxProperties"):
        found += f" with its {len(error.instance)} {_BOUNDS[error.validator]}"
    message = f"{json_path(path) or 'The body'} is {found}; it must be {schema['description']}"
    return f"{message}; {error.cause}" if isinstance(error.cause, formats.UnfitError) else message
