"""Keeps text that came from outside from looking like lines of the log of its own."""

import copy
import logging
import re
from collections.abc import Iterable
from typing import Any


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


#: What ends a line, moves a terminal's cursor, turns the direction of writing, or, as half a
#: character, can't be written at all.
_CONTROL = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_CONTROL_IN_LINES = re.compile(_CONTROL.pattern.replace("\x0a-", "\x0b-"))


class OneLine(logging.Formatter):
    """Writes what another formatter writes, with control characters in their escaped form.

    A record is one line.  A traceback after it has several, each with the prefix that the other
    formatter gives it.

    :param inner: the formatter that is set already.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> Any:
        """Return a record as text; what is no text stays as the other formatter made it."""
        # The record is other handlers' too.
        record = copy.copy(record)
        text: Any = self._inner.format(record)
        if not isinstance(text, str):
            return text
        head, found, traceback = text, "", ""
        if record.exc_text:
            head, found, traceback = text.rpartition(f"\n{record.exc_text}")
            traceback = f"{found}{traceback}"
        return _CONTROL.sub(_escaped, head) + _CONTROL_IN_LINES.sub(_escaped, traceback)


def guard(handlers: Iterable[logging.Handler]) -> None:
    """Have some handlers of the log write each record as one line."""
    for handler in handlers:
        inner = handler.formatter or logging.Formatter()
        if not isinstance(inner, OneLine):
            handler.setFormatter(OneLine(inner))
