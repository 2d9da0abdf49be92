"""The table of results."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Numbers below this are shown with two decimals, and times below that with one.
SMALL, TIME = 2, 100


@dataclass(frozen=True)
class Row:
    """A measured number.

    :ivar what: the description.
    :ivar measured: a ratio, or a number with the unit.
    :ivar target: the maximum; ``None`` for a number without one.
    :ivar made_of: the figures behind the number.
    """

    what: str
    measured: float
    target: float | None
    made_of: str
    unit: str = "x"

    @property
    def verdict(self) -> str:
        """Return "yes" or "no" for the target, or an empty text without one."""
        if self.target is None:
            return ""
        return "yes" if self.measured <= self.target else "no"

    def shown(self, number: float | None) -> str:
        """Return a number with its unit."""
        if number is None:
            return "for information"
        if self.unit == "x" or number < SMALL:
            return f"{number:.2f} {self.unit}"
        if self.unit in ("ms", "µs") and number < TIME:
            return f"{number:.1f} {self.unit}"
        return f"{number:.0f} {self.unit}"


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
    """Return a row as text for a terminal."""
    target = "" if row.target is None else f", at most {row.shown(row.target)}"
    missed = " MISSED" if row.verdict == "no" else ""
    return f"{row.what}: {row.shown(row.measured)}{target}{missed}\n    {row.made_of}"
