"""The table of what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One number.

    :ivar what: what it is about.
    :ivar measured: a ratio, or what the unit says.
    :ivar target: what it may be at most; ``None`` for a number that is for information.
    :ivar made_of: the figures behind it.
    """

    what: str
    measured: float
    target: float | None
    made_of: str
    unit: str = "x"

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.target is None:
            return ""
        return "yes" if self.measured <= self.target else "no"

    def shown(self, number: float | None) -> str:
        """Return a number with its unit."""
        if number is None:
            return "for information"
        return f"{number:.2f} x" if self.unit == "x" else f"{number:.0f} {self.unit}"


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table."""
    lines = [
        "| what | measured | at most | met | made of |",
        "| --- | ---: | ---: | --- | --- |",
    ]
    lines += [
        f"| {row.what} | {row.shown(row.measured)} | {row.shown(row.target)} "
        f"| {row.verdict} | {row.made_of} |"
        for row in rows
    ]
    return "\n".join(lines)


def line(row: Row) -> str:
    """Return a row as a line for a terminal."""
    target = "" if row.target is None else f", at most {row.shown(row.target)}"
    missed = " MISSED" if row.verdict == "no" else ""
    return f"{row.what}: {row.shown(row.measured)}{target}{missed}\n    {row.made_of}"
