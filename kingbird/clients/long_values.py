"""Shorten the long values of images when a list has been read.  Pure: no I/O.

Glance takes 128 properties of 64 KiB for an image, and a plan has thousands of images in memory.
To compare them, the beginning of a value and a digest of all of it are enough.  Whoever writes a
record reads the image again (:mod:`kingbird.sync.long_records`).
"""

import hashlib
import re
from typing import Any

#: Characters of a value that is not shortened, and of those that are left of a longer one.
LONGEST = 1024
#: The end of a shortened value: the length of the whole value, and its digest.
_END = re.compile(r" ([1-9]\d{3,}) [0-9a-f]{64}")
#: Characters that a text in JSON has at its ends only, as Glance writes JSON: a quote of its own
#: comes after a backslash.
_BETWEEN = b' "'


def shorten(value: str) -> str:
    """Return a longer value's beginning, its length and its digest.

    The result is longer than :data:`LONGEST` too, so no other value of a list is like it.
    """
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{value[:LONGEST]} {len(value)} {digest}"


def shortened(value: Any) -> Any:
    """Return a value, or what :func:`shorten` makes of a long text."""
    return shorten(value) if isinstance(value, str) and len(value) > LONGEST else value


def is_shortened(value: Any) -> bool:
    """Return whether a value looks like one that was shortened."""
    return (
        isinstance(value, str)
        and len(value) > LONGEST
        and _END.fullmatch(value, LONGEST) is not None
    )


def length_of(value: Any) -> int:
    """Return the characters of a value before it was shortened; 0 for any other value."""
    end = _END.fullmatch(value, LONGEST) if isinstance(value, str) else None
    return int(end[1]) if end else 0


def shorten_in(image: dict[str, Any]) -> None:
    """Shorten the long values of an image."""
    for name, value in image.items():
        if type(value) is str and len(value) > LONGEST:
            image[name] = shorten(value)


def may_be_in(body: bytes) -> bool:
    """Return whether a page in JSON may have a long value.

    This reads one byte in a thousand of a page of short values, as it is called for each page.
    A page whose JSON has no blanks between its texts may always have one.
    """
    begin, end = 0, len(body)
    while end - begin > LONGEST:
        found = body.rfind(_BETWEEN, begin, begin + LONGEST + 1)
        if found < 0:
            return True
        begin = found + len(_BETWEEN)
    return False
