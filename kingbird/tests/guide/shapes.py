"""The shape of an output without values that differ from run to run."""

import json
from typing import Any

#: Keys below these are outcomes, regions and names of fields, which differ from run to run.
COUNTS = ("statuses", "outcomes", "regions", "fields")

Shape = tuple[str, tuple[str, ...]]


def shape(output: str) -> Shape | None:
    """Return the heads of a table or the keys of JSON, or ``None`` for other output."""
    try:
        return "keys", tuple(sorted(set(_keys(json.loads(output)))))
    except ValueError:
        pass
    lines = [line for line in output.splitlines() if line.startswith(("+-", "| "))]
    if len(lines) < 2 or not lines[0].startswith("+-"):
        return None
    return "table", tuple(sorted(cell.strip() for cell in lines[1].strip("| ").split("|")))


def rows_by_name(output: str) -> dict[str, dict[str, str]] | None:
    """Return the rows of a table of images by name, or ``None`` if there is no such table.

    Ids are left out because they differ from run to run.
    """
    lines = [line for line in output.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    if not cells or cells[0][:2] != ["ID", "Name"]:
        return None
    return {row[1]: dict(zip(cells[0][2:], row[2:], strict=True)) for row in cells[1:]}


def _keys(value: Any, place: str = "") -> list[str]:
    if isinstance(value, list):
        return [key for each in value for key in _keys(each, place)]
    if not isinstance(value, dict):
        return []
    return [
        path
        for key, inner in value.items()
        for path in (place + key, *(_keys(inner, f"{place}{key}.") if key not in COUNTS else ()))
    ]
