"""Read and parse request bodies within limits, and reject ambiguous JSON."""

import json
import re
from typing import Any

import webob

from kingbird import exception
from kingbird.text import quote

#: Up to this many times the limit is read and discarded.  A client that sends a larger body reads
#: no response before it has sent everything, or has its connection reset.
DRAIN_FACTOR = 16
#: The maximum of digits in a number.  No valid number is longer, and Python refuses to convert
#: several thousand digits.
MAX_DIGITS = 64

_CHUNK = 65536
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def read(request: webob.Request, limit: int) -> bytes:
    """Read a request's body up to a limit, with or without a length.

    :param limit: bytes.
    :raises kingbird.exception.RequestTooLarge: the body is larger.
    :raises kingbird.exception.BadRequest: the body cannot be read to its end.
    """
    environ = request.environ
    if environ.get("wsgi.input_terminated"):
        # The server marks the end of the body itself, for example of chunks.  It ignores a length.
        length = None
    else:
        try:
            length = max(int(environ.get("CONTENT_LENGTH") or 0), 0)
        except ValueError:
            raise exception.BadRequest("The header Content-Length is no number") from None
    body = bytearray()
    received = 0
    drain = limit * DRAIN_FACTOR if length is None else min(length, limit * DRAIN_FACTOR)
    try:
        while received < drain:
            chunk = environ["wsgi.input"].read(min(_CHUNK, drain - received))
            if not chunk:
                break
            received += len(chunk)
            if received <= limit:
                body += chunk
    except (OSError, ValueError) as error:
        raise exception.BadRequest("The body can't be read to its end") from error
    if received > limit or (length or 0) > limit:
        size = f" with its {length} bytes" if length is not None else ""
        raise exception.RequestTooLarge(
            f"The body{size} is larger than {limit} bytes ([api] max_request_body_size)"
        )
    if length is not None and received < length:
        raise exception.BadRequest(
            f"The body is shorter than Content-Length says: {received} bytes of {length}"
        )
    return bytes(body)


def _reject_constant(name: str) -> Any:
    raise exception.BadRequest(f"The body is not JSON, which has no {name}")


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise exception.BadRequest(
            f"The body has a number of {len(digits)} digits; it can have {MAX_DIGITS}"
        )
    return int(digits)


def _parse_float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise exception.BadRequest(f"The body has a number that is too large: {digits[:80]}")
    return number


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object from pairs.

    A duplicate name is an error, because parsers disagree about its value.
    """
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        names = [name for name, _ in pairs]
        duplicate = next(name for name in names if names.count(name) > 1)
        raise exception.BadRequest(f"The body has {quote(duplicate)} twice in one object")
    return parsed


def _decode_utf8(body: bytes) -> str:
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise exception.BadRequest(
            "The body begins with a byte order mark; it must be JSON in UTF-8 without one"
        )
    if b"\0" in body:
        raise exception.BadRequest("The body is not in UTF-8 but holds NULs, as UTF-16 does")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise exception.BadRequest(
            f"The body is not in UTF-8: byte {error.start} is 0x{body[error.start]:02x}"
        ) from None


def _check_depth(value: Any, max_depth: int) -> None:
    level = [value]
    for _ in range(max_depth):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    raise _too_deep(max_depth)


def _too_deep(max_depth: int) -> exception.BadRequest:
    return exception.BadRequest(
        f"The body is nested too deeply; it can have {max_depth} levels ([api] max_json_depth)"
    )


def _check_surrogates(value: Any) -> None:
    """Reject lone surrogates, which no database can store."""
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value):
            raise exception.BadRequest(f"The body has half of a character in {quote(value)}")
    elif isinstance(value, dict):
        for name, child in value.items():
            _check_surrogates(name)
            _check_surrogates(child)
    elif isinstance(value, list):
        for child in value:
            _check_surrogates(child)


def parse(body: bytes, max_depth: int) -> Any:
    """Parse JSON.

    :param max_depth: the maximum of nested levels, including the values of the innermost one.
    :raises kingbird.exception.BadRequest: the body is not JSON, not in UTF-8, or nested too
        deeply; or it has a duplicate name, a lone surrogate or a number that is too large.
    """
    try:
        value = json.loads(
            _decode_utf8(body),
            parse_constant=_reject_constant,
            parse_int=_parse_int,
            parse_float=_parse_float,
            object_pairs_hook=_reject_duplicate_keys,
        )
    except RecursionError:
        raise _too_deep(max_depth) from None
    except ValueError as error:
        raise exception.BadRequest(f"The body is not JSON: {error}") from None
    _check_depth(value, max_depth)
    if _SURROGATE_ESCAPE.search(body):
        _check_surrogates(value)
    return value
