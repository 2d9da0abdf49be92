"""The results of many faults as a table."""

import statistics
from collections.abc import Sequence

from kingbird.tests.functional.chaos.result import Result

_COLUMNS = (
    "fault",
    "times injected",
    "records lost",
    "records doubled",
    "jobs stuck",
    "other problems",
    "seconds to recover",
)


def is_clean(results: Sequence[Result]) -> bool:
    """Return True if there are no findings."""
    return not any(
        result.lost or result.doubled or result.stuck or result.problems for result in results
    )


def render(results: Sequence[Result]) -> str:
    """Return a table with a row for each fault, in Markdown."""
    rows = [_COLUMNS, *map(_row, _by_fault(results).values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [
        " | ".join(
            word.ljust(width) if column == 0 else word.rjust(width)
            for column, (word, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    ruler = " | ".join("-" * width for width in widths)
    return "\n".join(f"| {line} |" for line in [lines[0], ruler, *lines[1:]])


def _by_fault(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.fault, []).append(result)
    return found


def _row(results: Sequence[Result]) -> tuple[str, ...]:
    seconds = [result.seconds for result in results]
    others = sum(
        bool(result.problems) and not (result.lost or result.doubled or result.stuck)
        for result in results
    )
    return (
        results[0].fault,
        str(len(results)),
        str(sum(result.lost for result in results)),
        str(sum(result.doubled for result in results)),
        str(sum(result.stuck for result in results)),
        str(others),
        f"{statistics.median(seconds):.1f}, at most {max(seconds):.1f}",
    )
