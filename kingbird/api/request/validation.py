"""Holds data against schemas, and says what is wrong with them in words for people.

Each subschema has a ``description`` that says what is allowed at its place, in words that go on
after "it must be".  What a field means stands under ``meaning``, for the documentation alone,
and the option that sets a bound under ``x-option``.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema

from kingbird import exception
from kingbird.api.schemas import formats

#: How much of a value an error message repeats.
MAX_QUOTED = 80

#: What bounds a size, and what the size is counted in.
_BOUNDS = {"maxItems": "entries", "maxProperties": "entries", "maxLength": "characters"}


def parse_path_uuid(text: str, what: str) -> str:
    """Return a UUID of the path in lower case with dashes.

    :param what: what the message calls it.
    :raises kingbird.exception.BadRequest: it is no UUID.
    """
    try:
        return formats.normalize_uuid(text)
    except ValueError:
        raise exception.BadRequest(
            f"The {what} in the path is no UUID: {quote(text)}; it must be 32 hexadecimal "
            "digits, with or without dashes"
        ) from None


def quote(value: Any) -> str:
    """Return a value as messages repeat it: as JSON, in ASCII, and not all of it."""
    text = json.dumps(value)
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 3]}..."


def join_some(names: Iterable[str], most: int = 10) -> str:
    """Return names as messages list them, the first few and how many more there are."""
    names = list(names)
    text = ", ".join(names[:most])
    return f"{text} and {len(names) - most} more" if len(names) > most else text


class Schema:
    """A schema to hold what comes in against.  Safe for threads.

    :param schema: JSON Schema 2020-12, with a ``description`` in each subschema.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        jsonschema.Draft202012Validator.check_schema(schema)
        self._validator = jsonschema.Draft202012Validator(schema, format_checker=formats.CHECKER)

    def errors(self, value: Any) -> Iterator[jsonschema.ValidationError]:
        """Yield what is wrong with a value."""
        errors: Iterator[jsonschema.ValidationError] = self._validator.iter_errors(value)
        return errors

    def validate(self, value: Any) -> None:
        """Go on only if the value is valid.

        :raises kingbird.exception.BadRequest: it isn't.  The message names the first field at
            fault by its path, such as ``resource_set.Sync[1].target``, tells what was found
            and what is allowed.
        """
        error = next(self.errors(value), None)
        if error is not None:
            raise exception.BadRequest(_error_message(error))


def json_path(steps: Iterable[str | int]) -> str:
    """Return the way to a field as messages write it."""
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
    return f"{json_path(path) or 'The body'} is {found}; it must be {schema['description']}"
