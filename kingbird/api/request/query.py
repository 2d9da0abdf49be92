"""Parse the query of a request by its schema.  Unknown parameters are errors."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import webob

from kingbird import exception
from kingbird.api.request.validation import Schema
from kingbird.text import join_some, quote

#: The maximum length of a query.  All parameters together need far less.
MAX_LENGTH = 4096
#: The schema of an operation without parameters.
NO_PARAMETERS: dict[str, Any] = {
    "description": "empty",
    "type": "object",
    "additionalProperties": False,
    "properties": {},
}


def parse_pairs(request: webob.Request, known: Iterable[str]) -> list[tuple[str, str]]:
    """Return the parameters of a query in their order.

    :raises kingbird.exception.BadRequest: a parameter is unknown, or the query is too long.
    """
    text = request.environ.get("QUERY_STRING", "")
    if len(text) > MAX_LENGTH:
        raise exception.BadRequest(
            f"The query has {len(text)} characters; it can have {MAX_LENGTH}"
        )
    pairs = parse_qsl(text, keep_blank_values=True)
    names = {name: None for name, _ in pairs} or ({text: None} if text else {})
    known = list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise exception.BadRequest(
            f"Unknown query parameter: {join_some(map(quote, unknown))}; "
            + (f"known here are {', '.join(known)}" if known else "none is known here")
        )
    return pairs


def _number(text: str) -> int | str:
    """Return a number, or the text if it is not a number."""
    if not (text.isascii() and text.isdigit()):
        return text
    # Python refuses to convert thousands of digits.  Any limit is lower than this.
    return int(text) if len(text) < 20 else 10**20


class QueryParser:
    """The parser of an operation's query.  Safe for threads.

    :param schema: JSON Schema of an object with a property for each parameter.  A property is a
        string, an integer, or a list of strings, which are separated by commas or repeat the
        parameter.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._properties: dict[str, dict[str, Any]] = schema["properties"]
        self._schema = Schema(schema)

    def parse(self, request: webob.Request) -> dict[str, Any]:
        """Return the parameters of a request by name.

        :raises kingbird.exception.BadRequest: a parameter is unknown, occurs twice, or has an
            invalid value.  The message names the parameter and the allowed values.
        """
        given: dict[str, Any] = {}
        texts: dict[str, Any] = {}
        for name, text in parse_pairs(request, self._properties):
            kind = self._properties[name]["type"]
            if kind == "array":
                given.setdefault(name, []).extend(text.split(","))
                texts[name] = given[name]
                continue
            if name in given:
                raise exception.BadRequest(f"{name} can be given only once")
            given[name] = _number(text) if kind == "integer" else text
            texts[name] = text
        for error in self._schema.errors(given):
            name, *index = error.absolute_path
            found = texts[name][index[0]] if index else texts[name]
            schema: Any = error.schema
            raise exception.BadRequest(
                f"{name} is {quote(found)}; it must be {schema['description']}"
            )
        return given
