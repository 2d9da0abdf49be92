"""The table of images and regions, as templates and the live view read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kingbird_dashboard.content import ages, cells

#: A page has no more cells than a browser shows at once.
MAX_CELLS = 10_000
#: The rows of a page.
ROWS = 50
#: From this number of regions on, a page offers them as a filter.
MANY_REGIONS = 20
#: The states that need a column in the bar of a region, in the order of the bar.
_BAR = ("no_data", "importing", "missing", "drift", "conflict", "orphan", "away")


@dataclass(frozen=True)
class Part:
    """A part of a region's bar, in percent."""

    kind: str
    percent: float


@dataclass(frozen=True)
class Region:
    """The head of a region's column."""

    name: str
    is_away: bool
    summary: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Row:
    """An image with a cell for each region, in the order of the columns."""

    id: str
    name: str
    owner: str
    cells: tuple[tuple[str, cells.Cell], ...]


def rows_of_page(regions: int) -> int:
    """Return the number of rows of a page with so many regions."""
    return max(1, min(ROWS, MAX_CELLS // max(1, regions)))


def region_head(
    name: str,
    figures: dict[str, Any],
    now: datetime | None = None,
    *,
    is_source: bool = False,
) -> Region:
    """Return the head of a region's column.

    :param is_source: whether images that are shown have their source there.
    """
    if figures["away_since"]:
        seen = ages.read(figures["compared_at"])
        away = _("away for %s") % ages.since(figures["away_since"], now)
        as_of = _("as of %s") % seen.strftime("%H:%M") if seen else _("never compared")
        return Region(name, True, f"{away} · {as_of}", ())
    images, same = figures["images"], figures["same"]
    if images is None and is_source:
        return Region(name, False, _("the source"), (Part("same", 100),))
    if images is None:
        return Region(name, False, _("not compared yet"), ())
    counts = [(kind, figures.get(kind) or 0) for kind in _BAR]
    total = max(1, same + sum(number for _kind, number in counts))
    parts = [Part("same", 100 * same / total)] if same else []
    parts += [Part(kind, 100 * number / total) for kind, number in counts if number]
    return Region(name, False, _summary(images, same, figures), tuple(parts))


def _summary(images: int, same: int, figures: dict[str, Any]) -> str:
    words = [
        (figures["no_data"], _("%s without data")),
        (figures.get("importing") or 0, _("%s get data")),
        (figures["missing"], _("%s missing")),
        (figures["drift"], _("%s drift")),
        (
            figures["conflict"],
            ngettext("%s conflict", "%s conflicts", figures["conflict"]),
        ),
        (figures.get("orphan") or 0, ngettext("%s orphan", "%s orphans", 2)),
    ]
    wrong = [text % f"{number:,}" for number, text in words if number]
    if not wrong:
        return _("%(same)s of %(images)s") % {"same": f"{same:,}", "images": f"{images:,}"}
    return " · ".join([f"{same:,}", *wrong])


def image_row(
    image: dict[str, Any],
    regions: Sequence[str],
    figures: dict[str, dict[str, Any]],
    busy: dict[tuple[str, str], str],
    now: datetime | None = None,
    made: cells.Made | None = None,
) -> Row:
    """Return an image's row.

    :param figures: those of the regions by name.
    :param busy: the word for a cell on which a job works, by image and region.
    :param made: the cells of the page so far.
    """
    return Row(
        image["id"],
        image["name"],
        image["owner"],
        tuple(
            (region, _cell(image, region, figures[region], busy, now, made)) for region in regions
        ),
    )


def _cell(
    image: dict[str, Any],
    region: str,
    figures: dict[str, Any],
    busy: dict[tuple[str, str], str],
    now: datetime | None,
    made: cells.Made | None,
) -> cells.Cell:
    word = busy.get((image["id"], region))
    if word:
        return cells.busy(word)
    found = image["cells"].get(region)
    if figures["away_since"] and (found is None or found["state"] == "away"):
        return cells.away()
    if found is not None:
        return cells.of_state(found, now, made)
    if region == image["source_region"]:
        return cells.source()
    if figures["mostly"]:
        return cells.of_state({"state": figures["mostly"]}, now, made)
    return cells.same() if figures["compared_at"] else cells.unseen()
