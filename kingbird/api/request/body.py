"""Reads the bodies of requests: no more than is allowed, and nothing that JSON leaves open."""

import functools
import json
import re
from typing import Any

import webob

from kingbird import exception
from kingbird.api.request.validation import quote

#: A client that sends a body that is too large reads no answer before it has sent it all, or
#: gets its connection reset.  So that many times the limit are read and thrown away.
DRAIN_FACTOR = 16
#: A number of more digits is none that anything here counts; Python refuses to make integers
#: of several thousand.
MAX_DIGITS = 64

_CHUNK = 65536
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def read(request: webob.Request, limit: int) -> bytes:
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
    most = limit * DRAIN_FACTOR if length is None else min(length, limit * DRAIN_FACTOR)
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
        found = f" with its {length} bytes" if length is not None else ""
        raise exception.RequestTooLarge(
            f"The body{found} is larger than {limit} bytes ([api] max_request_body_size)"
        )
    if length is not None and seen < length:
        raise exception.BadRequest(
            f"The body is shorter than Content-Length says: {seen} bytes of {length}"
        )
    return bytes(body)


def _no_constant(name: str) -> Any:
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
    """Make an object; of a name that comes twice nobody can tell which value was meant."""
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise exception.BadRequest(f"The body has {quote(name)} twice in one object")
            seen.add(name)
    return made


_decode = functools.partial(
    json.loads,
    parse_constant=_no_constant,
    parse_int=_parse_int,
    parse_float=_parse_float,
    object_pairs_hook=_reject_duplicate_keys,
)


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


def _check_depth(value: Any, most: int) -> None:
    level = [value]
    for _ in range(most):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    raise _too_deep(most)


def _too_deep(most: int) -> exception.BadRequest:
    return exception.BadRequest(
        f"The body is nested too deeply; it can have {most} levels ([api] max_json_depth)"
    )


def _check_surrogates(value: Any) -> None:
    """Refuse halves of characters, which no database can hold."""
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


def parse(body: bytes, depth: int) -> Any:
    """Read JSON.

    :param depth: how many levels it can have, the values within all lists and objects being one.
    :raises kingbird.exception.BadRequest: it is none, not in UTF-8, or nested too deeply; or it
        says what readers take differently: a name twice in an object, half of a character, a
        number beyond all numbers.
    """
    try:
        value = _decode(_decode_utf8(body))
    except RecursionError:
        raise _too_deep(depth) from None
    except ValueError as error:
        raise exception.BadRequest(f"The body is not JSON: {error}") from None
    _check_depth(value, depth)
    if _SURROGATE_ESCAPE.search(body):
        _check_surrogates(value)
    return value
