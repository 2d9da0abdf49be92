"""The cells of the matrix as HTML: a page has thousands, and few that differ.

``format_html`` escapes as templates do, with the escaping that Horizon changes for AngularJS.
"""

from collections.abc import Iterable, Iterator

from django.utils.html import format_html, format_html_join

from kingbird_dashboard.content import cells, matrix
from kingbird_dashboard.content.names import visible

#: A cell: the image, the region, and the rest of its button.
_CELL = '<td><button name="cell" value="{}|{}" {}</td>'
#: The rest of a button, as ``live.js`` makes it, too.
_REST = 'class="kb-cell kb-{}" title="{}" aria-label="{}">{}</button>'
_PARTS = (
    ("symbol", '<span class="kb-symbol" aria-hidden="true">{}</span>'),
    ("word", ' <span class="kb-word">{}</span>'),
    ("age", " <small>{}</small>"),
)


def of_rows(rows: Iterable[matrix.Row]) -> Iterator[tuple[matrix.Row, str]]:
    """Yield rows with their cells as HTML.

    Each kind of cell and each region is escaped once, and no template runs for any.
    """
    rests: dict[cells.Cell, str] = {}
    regions: dict[str, str] = {}
    for row in rows:
        image, parts = format_html("{}", row.id), []
        for region, cell in row.cells:
            if cell not in rests:
                rests[cell] = _rest(cell)
            if region not in regions:
                regions[region] = format_html("{}", region)
            parts.append((image, regions[region], rests[cell]))
        yield row, format_html_join("", _CELL, parts)


def _rest(cell: cells.Cell) -> str:
    label = visible(cell.label)
    texts = [(text, visible(getattr(cell, name))) for name, text in _PARTS if getattr(cell, name)]
    content = format_html_join("", "{}", ((format_html(*one),) for one in texts))
    said = f"{label}, {cell.age}" if cell.age else label
    return format_html(_REST, cell.kind, label, said, content)
