"""Turns what came over the wire into data that can be trusted, or says what is wrong with it."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
import webob

from kingbird import exception

#: The name of :func:`dashed`'s check within schemas.
UUID_FORMAT = "uuid-with-or-without-dashes"
#: The same, or what stands for all.
SELECTED_FORMAT = "uuid-or-all"
ALL = "*"
#: The name of the check of texts that a database and a URL can hold.
TEXT_FORMAT = "text-without-control-characters"
#: The name of :func:`utc`'s check.
MOMENT_FORMAT = "moment"

#: A valid body is five levels deep; the parser itself would go on to a thousand.
MAX_DEPTH = 16
#: How much of a value an error message repeats.
SHOWN = 80
#: A client that sends a body that is too large reads no answer before it has sent it all, or
#: gets its connection reset.  So that many times the limit are read and thrown away.
DRAINED = 16

_CHUNK = 65536
_UUID = re.compile(r"([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})")
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_formats = jsonschema.FormatChecker(formats=())


def dashed(text: str) -> str:
    """Return a UUID in lower case with dashes, whatever of both it came with.

    :raises ValueError: it is no UUID.
    """
    match = _UUID.fullmatch(text.lower())
    if match is None:
        raise ValueError("no UUID")
    return "-".join(match.group(1, 3, 4, 5, 6))


@_formats.checks(UUID_FORMAT, raises=ValueError)
def _is_uuid(instance: object) -> bool:
    return not isinstance(instance, str) or bool(dashed(instance))


@_formats.checks(SELECTED_FORMAT, raises=ValueError)
def _is_selected(instance: object) -> bool:
    return instance == ALL or _is_uuid(instance)


@_formats.checks(TEXT_FORMAT)
def _is_text(instance: object) -> bool:
    return not isinstance(instance, str) or not _CONTROL.search(instance)


def utc(text: str) -> str:
    """Return a moment as Glance writes it: UTC, to the second.

    :param text: ISO 8601, of date and time; UTC unless it names another zone.
    :raises ValueError: it is something else.
    """
    if not _MOMENT.fullmatch(text.upper()):
        raise ValueError("no moment")
    moment = datetime.fromisoformat(text.upper())
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError("beyond the calendar") from None
    return moment.isoformat(timespec="seconds") + "Z"


@_formats.checks(MOMENT_FORMAT, raises=ValueError)
def _is_moment(instance: object) -> bool:
    return not isinstance(instance, str) or bool(utc(instance))


def uuid_in_path(text: str, what: str) -> str:
    """Return a UUID of the path in lower case with dashes.

    :param what: what the message calls it.
    :raises kingbird.exception.BadRequest: it is no UUID.
    """
    try:
        return dashed(text)
    except ValueError:
        raise exception.BadRequest(f"The {what} in the path is no UUID: {shown(text)}") from None


def shown(value: Any) -> str:
    """Return a value as messages repeat it: as JSON, in ASCII, and not all of it."""
    text = json.dumps(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def listed(names: Iterable[str], most: int = 10) -> str:
    """Return names as messages list them, the first few and how many more there are."""
    names = list(names)
    text = ", ".join(names[:most])
    return f"{text} and {len(names) - most} more" if len(names) > most else text


def query(request: webob.Request, known: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return the parameters of a query, none of which is ignored silently.

    :param known: the names that they can have.
    :raises kingbird.exception.BadRequest: there are others; the message names them.
    """
    text = request.environ.get("QUERY_STRING", "")
    pairs = parse_qsl(text, keep_blank_values=True)
    names = {name: None for name, _ in pairs} or ({text: None} if text else {})
    unknown = [name for name in names if name not in known]
    if unknown:
        raise exception.BadRequest(
            f"Unknown query parameter: {listed(map(shown, unknown))}; "
            + (f"known here are {', '.join(known)}" if known else "none is known here")
        )
    return pairs


def read_body(request: webob.Request, limit: int) -> bytes:
    """Read a request's body, however it was sent, but no more than is allowed.

    :param limit: bytes.
    :raises kingbird.exception.RequestTooLarge: it is larger.
    :raises kingbird.exception.BadRequest: it can't be read to its end.
    """
    environ = request.environ
    if environ.get("wsgi.input_terminated"):
        # The server marks the end itself, as of chunks; a length beside them means nothing.
        length = None
    else:
        try:
            length = max(int(environ.get("CONTENT_LENGTH") or 0), 0)
        except ValueError:
            raise exception.BadRequest("The header Content-Length is no number") from None
    body = bytearray()
    seen = 0
    most = limit * DRAINED if length is None else min(length, limit * DRAINED)
    try:
        while seen < most:
            chunk = environ["wsgi.input"].read(min(_CHUNK, most - seen))
            if not chunk:
                break
            seen += len(chunk)
            if seen <= limit:
                body += chunk
    except (OSError, ValueError) as error:
        raise exception.BadRequest("The body can't be read to its end") from error
    if seen > limit or (length or 0) > limit:
        raise exception.RequestTooLarge(f"The body is larger than {limit} bytes")
    if length is not None and seen < length:
        raise exception.BadRequest("The body is shorter than Content-Length says")
    return bytes(body)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
    return bool(level)


def parse(body: bytes) -> Any:
    """Read JSON.

    :raises kingbird.exception.BadRequest: it is none, not in UTF-8, or nested too deeply.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise exception.BadRequest("The body is not in UTF-8") from None
    except RecursionError:
        raise exception.BadRequest("The body is nested too deeply") from None
    except ValueError as error:
        raise exception.BadRequest(f"The body is not JSON: {error}") from None
    if _is_deep(value):
        raise exception.BadRequest("The body is nested too deeply")
    return value


def no_body(request: webob.Request, limit: int) -> None:
    """Go on only if a request says nothing, or ``{}``.

    :param limit: bytes that are read at most.
    :raises kingbird.exception.BadRequest: it says something.
    """
    body = read_body(request, limit)
    if body.strip() and (value := parse(body)) != {}:
        raise exception.BadRequest(f"The body is {shown(value)}; it must be empty, or {{}}")


class Schema:
    """A schema to hold bodies against.  Safe for threads.

    :param schema: JSON Schema 2020-12, with a ``description`` in each subschema.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        jsonschema.Draft202012Validator.check_schema(schema)
        self._validator = jsonschema.Draft202012Validator(schema, format_checker=_formats)

    def check(self, value: Any) -> None:
        """Go on only if the value is valid.

        :raises kingbird.exception.BadRequest: it isn't.  The message names the first field at
            fault by its path, such as ``resource_set.Sync[1].target``, tells what was found
            and what is allowed.
        """
        error = next(self._validator.iter_errors(value), None)
        if error is not None:
            raise exception.BadRequest(_sentence(error))


def _path(steps: Iterable[str | int]) -> str:
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.lstrip(".")


def _sentence(error: jsonschema.ValidationError) -> str:
    path = list(error.absolute_path)
    schema: Any = error.schema
    known = schema.get("properties", {})
    if error.validator == "required":
        missing = next(name for name in schema["required"] if name not in error.instance)
        return f"{_path([*path, missing])} is missing; it must be {known[missing]['description']}"
    if error.validator == "additionalProperties":
        unknown = next(name for name in error.instance if name not in known)
        return (
            f"{_path([*path, unknown[:SHOWN]])} is unknown; "
            f"{_path(path) or 'the body'} can have {', '.join(sorted(known))}"
        )
    return (
        f"{_path(path) or 'The body'} is {shown(error.instance)}; "
        f"it must be {schema['description']}"
    )
