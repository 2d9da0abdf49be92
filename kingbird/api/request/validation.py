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
SHOWN = 80

#: What bounds a size, and what the size is counted in.
_BOUNDS = {"maxItems": "entries", "maxProperties": "entries", "maxLength": "characters"}


def uuid_in_path(text: str, what: str) -> str:
    """Return a UUID of the path in lower case with dashes.

    :param what: what the message calls it.
    :raises kingbird.exception.BadRequest: it is no UUID.
    """
    try:
        return formats.dashed(text)
    except ValueError:
        raise exception.BadRequest(
            f"The {what} in the path is no UUID: {shown(text)}; it must be 32 hexadecimal "
            "digits, with or without dashes"
        ) from None


def shown(value: Any) -> str:
    """Return a value as messages repeat it: as JSON, in ASCII, and not all of it."""
    text = json.dumps(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def listed(names: Iterable[str], most: int = 10) -> str:
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

    def check(self, value: Any) -> None:
        """Go on only if the value is valid.

        :raises kingbird.exception.BadRequest: it isn't.  The message names the first field at
            fault by its path, such as ``resource_set.Sync[1].target``, tells what was found
            and what is allowed.
        """
        error = next(self.errors(value), None)
        if error is not None:
            raise exception.BadRequest(_sentence(error))


def path_of(steps: Iterable[str | int]) -> str:
    """Return the way to a field as messages write it."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step[:SHOWN]}"
    return path.lstrip(".")


def _sentence(error: jsonschema.ValidationError) -> str:
    path = list(error.absolute_path)
    schema: Any = error.schema
    known = schema.get("properties", {})
    if error.validator == "required":
        missing = next(name for name in schema["required"] if name not in error.instance)
        return (
            f"{path_of([*path, missing])} is missing; it must be {known[missing]['description']}"
        )
    if error.validator == "additionalProperties" and known:
        unknown = next(name for name in error.instance if name not in known)
        return (
            f"{path_of([*path, unknown])} is unknown; "
            f"{path_of(path) or 'the body'} can have {', '.join(sorted(known))}"
        )
    if error.validator in _BOUNDS and "x-option" in schema:
        return (
            f"{path_of(path)} has {len(error.instance)} {_BOUNDS[error.validator]}; "
            f"it can have {error.validator_value} ({schema['x-option']})"
        )
    found = shown(error.instance)
    if error.validator in ("maxLength", "maxProperties"):
        found += f" with its {len(error.instance)} {_BOUNDS[error.validator]}"
    return f"{path_of(path) or 'The body'} is {found}; it must be {schema['description']}"
