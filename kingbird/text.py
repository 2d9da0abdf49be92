"""Clean, shorten and quote text of strangers: of users, of Glance and of Keystone."""

import json
import re
from collections.abc import Iterable
from typing import Any

#: The maximum of characters that a message quotes.
MAX_QUOTED = 80
#: The maximum of characters of a name in a list.
MAX_LISTED = 255
#: Control characters and lone surrogates.
CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
#: Characters that change the writing direction or end a line, besides :data:`CONTROL`.
_DIRECTION_AND_LINES = "\u2028\u2029\u202a-\u202e\u2066-\u2069"
_UNSAFE = re.compile(f"[{CONTROL.pattern[1:-1]}{_DIRECTION_AND_LINES}]")
#: The end of a text that was shortened.
_CUT = "..."


def quote(value: Any) -> str:
    """Return a value as JSON in ASCII, shortened to :data:`MAX_QUOTED` characters."""
    text = json.dumps(value[: MAX_QUOTED + 1] if isinstance(value, str) else value, default=repr)
    return shorten(text, MAX_QUOTED)


def shorten(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters, which ends in dots if it was longer."""
    return text if len(text) <= limit else f"{text[: limit - len(_CUT)]}{_CUT}"


def escape(text: str, *, kept: str = "") -> str:
    """Escape characters that a terminal, a log or a database does not take as text.

    These are control characters, ends of lines, changes of the writing direction, and lone
    surrogates.

    :param kept: control characters that stay.
    """
    return _UNSAFE.sub(lambda match: match[0] if match[0] in kept else _escaped(match[0]), text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def clean(text: str, limit: int) -> str:
    """Return a text in one line, escaped and of at most ``limit`` characters."""
    # The first cut bounds the work; escaping makes the text longer.
    return shorten(escape(" ".join(text[: 2 * limit].split())), limit)


def join_some(names: Iterable[str], limit: int = 10, *, width: int = MAX_LISTED) -> str:
    """Join the first names for a message, each one cleaned, with the number of the others.

    :param limit: the maximum of names.
    :param width: the maximum of characters of a name.
    """
    names = list(names)
    text = ", ".join(clean(name, width) for name in names[:limit])
    return f"{text} and {len(names) - limit} more" if len(names) > limit else text
