"""Tell a caller that nothing has changed since its last answer: ETag, If-None-Match and 304.

A handler calls :func:`check` with what the answer depends on, before it reads the answer itself.
An answer may then be newer than its tag says, and never older.
"""

import hashlib
from typing import Any

import webob

from kingbird import version
from kingbird.text import quote

#: Proxies and browsers ask each time, and keep no answer for others.
CACHE_CONTROL = "private, no-cache"
#: Hexadecimal digits of a tag.
LENGTH = 40


class NotModified(Exception):
    """End a request whose caller has the present answer."""


def tag(*parts: Any) -> str:
    """Return the tag of an answer.

    :param parts: what the answer depends on besides its URL and this release: numbers and texts,
        or lists of them.
    """
    text = repr((version.version_string(), parts))
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:LENGTH]


def is_asked(request: webob.Request) -> bool:
    """Return whether the caller has an answer that may be the present one."""
    return "If-None-Match" in request.headers


def check(request: webob.Request, response: webob.Response, *parts: Any) -> None:
    """Set the tag of the answer, and end the request if the caller has that answer.

    :param parts: see :func:`tag`.
    :raises NotModified: the caller has it.
    """
    response.etag = value = tag(*parts)
    response.headers["Cache-Control"] = CACHE_CONTROL
    if is_asked(request) and value in request.if_none_match:
        raise NotModified(quote(value))


def not_modified(response: webob.Response) -> webob.Response:
    """Return the answer to a request that :func:`check` has ended."""
    response.status_int = 304
    response.body = b""
    response.content_length = None
    return response
