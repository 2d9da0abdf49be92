"""Escape text of strangers in what the commands print.

Names of images, properties and regions are others' text.  Raw control characters of it could move
a terminal's cursor, or make a line look like another one.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cliff import columns

from kingbird.text import escape

JSON = dict[str, Any]
#: The output of a command: the names of columns, and rows, or the values of the only one.
Table = tuple[Sequence[str], Iterable[Any]]

#: Formatters that escape by themselves, for programs that read what is printed.
_FOR_PROGRAMS = ("json", "yaml")


def escaped(value: Any) -> Any:
    """Return the value of a cell with its texts escaped."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, columns.FormattableColumn):
        return type(value)(escaped(value.machine_readable()))
    if isinstance(value, Mapping):
        return {escaped(name): escaped(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [escaped(inner) for inner in value]
    return value


class EscapedOutput:
    """A base of commands whose output is a table or similar."""

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Any
    ) -> int:
        """Print the columns."""
        if parsed_args.formatter not in _FOR_PROGRAMS:
            column_names, data = escaped([*column_names]), map(escaped, data)
        return super().produce_output(parsed_args, column_names, data)  # type: ignore[misc]
