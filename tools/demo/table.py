"""Format tables as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from demo.glance import Image

#: Region -> id -> image.
Regions = Mapping[str, Mapping[str, Image]]


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with a line under its head, and without trailing blanks."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [list(head), ["-" * width for width in widths], *map(list, rows)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def image_table(
    ids: Mapping[str, str], regions: Regions, marks: Mapping[tuple[str, str], str]
) -> str:
    """Return a table of each image's status in each region, with ``-`` where it is missing.

    :param ids: ids by name, in the order of the rows.
    :param marks: texts beside the status, by region and id.
    """
    rows = []
    for name, image_id in ids.items():
        cells = []
        for region, images in regions.items():
            status = images[image_id]["status"] if image_id in images else "-"
            mark = marks.get((region, image_id))
            cells.append(f"{status}, {mark}" if mark else status)
        rows.append([name, image_id, *cells])
    return text_table(["image", "id", *regions], rows)
