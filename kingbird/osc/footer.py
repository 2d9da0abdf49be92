"""Print lines below a table."""

import argparse
from collections.abc import Sequence
from typing import Any

from kingbird.text import escape


class Footer:
    """A base of commands that explain a table below it; other formats have no such lines."""

    #: The lines; there are none below a table without them.
    footer: Sequence[str] = ()
    app: Any

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Any
    ) -> int:
        """Print the table, and the lines below it."""
        code: int = super().produce_output(parsed_args, column_names, data)  # type: ignore[misc]
        if parsed_args.formatter == "table" and self.footer:
            self.app.stdout.write("\n".join([*map(escape, self.footer), ""]))
        return code
