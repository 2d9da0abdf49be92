"""Read the first screen, for the page itself and for its live view."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from kingbird_dashboard.api import catalog, jobs, rules, state
from kingbird_dashboard.api.client import ServiceError
from kingbird_dashboard.content import ages, cells, matrix, resource_types
from kingbird_dashboard.content.filters import Filters

#: Jobs in progress, and items of each, that are looked at for cells on which a job works.
BUSY_JOBS, BUSY_ITEMS = 3, 500


@dataclass(frozen=True)
class Tile:
    """A number over the matrix, which filters it.

    :ivar filter: the word of the filter; ``None`` if the tile is no filter.
    """

    word: str
    number: str
    text: str
    filter: str | None


@dataclass(frozen=True)
class Overview:
    """The first screen.

    :ivar next_marker: the image before the next page, or an empty text.
    :ivar copies: the number of records that are missing.
    """

    answer: dict[str, Any]
    tiles: tuple[Tile, ...]
    heads: tuple[matrix.Region, ...]
    rows: tuple[matrix.Row, ...]
    regions: tuple[str, ...]
    next_marker: str
    copies: int
    compared: str
    is_busy: bool


def read(request: Any, filters: Filters, *, all_projects: bool = False) -> Overview:
    """Ask Kingbird for what the first screen shows.

    :raises kingbird_dashboard.api.client.ServiceError: it refuses, or does not answer.
    """
    regions = catalog.image_regions(request)
    scope = {"all_projects": "true" if all_projects else None}
    limit = matrix.rows_of_page(len(filters.regions or regions))
    answer = state.list_images(request, **filters.for_call(), **scope, limit=limit)
    now = datetime.now(UTC)
    figures = answer["regions"]
    names = sorted(set(figures) | set(regions))
    figures = {name: figures.get(name, _NOTHING) for name in names}
    columns = [name for name in names if not filters.regions or name in filters.regions]
    columns += [] if columns else names
    busy, is_busy = working(request, [image["id"] for image in answer["images"]], scope)
    sources = {image["source_region"] for image in answer["images"]}
    more = state.has_more(answer)
    made: cells.Made = {}
    return Overview(
        answer,
        _tiles(request, filters, answer, figures, scope, now),
        tuple(
            matrix.region_head(name, figures[name], now, is_source=name in sources)
            for name in columns
        ),
        tuple(
            matrix.image_row(image, columns, figures, busy, now, made)
            for image in answer["images"]
        ),
        tuple(names),
        answer["images"][-1]["id"] if more and answer["images"] else "",
        sum(one["missing"] for one in figures.values()),
        _compared(request, figures, now, with_rules=not all_projects),
        is_busy,
    )


_NOTHING: dict[str, Any] = {
    **dict.fromkeys(("images", "same", "mostly", "oldest", "compared_at", "away_since")),
    **dict.fromkeys(("no_data", "missing", "drift", "conflict", "orphan", "away", "importing"), 0),
}


def working(
    request: Any, images: Sequence[str], scope: dict[str, Any]
) -> tuple[dict[tuple[str, str], str], bool]:
    """Return the word for each cell on which a job works now, and whether one is in progress.

    :returns: the words by image and region.
    """
    wanted, found = set(images), {}
    try:
        query = {"status": "IN_PROGRESS", "limit": BUSY_JOBS, **scope}
        active = jobs.list_details(request, **query).body
    except ServiceError:
        # A role may see states and no jobs.
        return {}, False
    for job in active["job_set"]:
        if job["dry_run"]:
            continue
        word = {"planning": _("planning"), "data": _("data")}.get(job["phase"], _("writing"))
        try:
            items = jobs.show(request, job["id"], status="IN_PROGRESS", limit=BUSY_ITEMS).body
        except ServiceError:
            # The job was deleted meanwhile.
            continue
        for item in items["job_set"]:
            if item["resource"] in wanted and resource_types.is_image(item):
                found[item["resource"], item["target_region"]] = word
    return found, any(not job["dry_run"] for job in active["job_set"])


def _tiles(
    request: Any,
    filters: Filters,
    answer: dict[str, Any],
    figures: dict[str, dict[str, Any]],
    scope: dict[str, Any],
    now: datetime,
) -> tuple[Tile, ...]:
    def total(*states: str) -> int:
        return sum(one.get(name) or 0 for one in figures.values() for name in states)

    differing, is_exact = _differing(request, filters, answer, scope, len(figures))
    most = max((one["images"] or 0 for one in figures.values()), default=0)
    drift = total("drift")
    drifting = _("drift")
    if drift:
        since = _oldest_shown(filters, answer)
        if since is None:
            query = {"state": "drift", "sort": "since", "limit": 1}
            since = _oldest(state.list_images(request, **query, **scope)["images"], "drift")
        ago = ages.long(ages.seconds_since(since, now)) if since else ""
        drifting = _("drift · oldest %s") % ago if ago else drifting
    shown = f"{differing:,}" if is_exact else _("over %s") % f"{differing:,}"
    in_order = max(0, most - differing)
    return (
        Tile(
            "same",
            f"{in_order:,}" if is_exact else _("under %s") % f"{in_order:,}",
            _("images in order everywhere"),
            None,
        ),
        Tile("differs", shown, _("images with a difference"), ""),
        Tile("drift", f"{drift:,}", drifting, "drift"),
        Tile(
            "conflict",
            f"{total('conflict', 'orphan'):,}",
            _("conflicts · need a person"),
            "conflict",
        ),
        Tile(
            "no_data",
            f"{total('no_data', 'importing'):,}",
            _("records without data yet"),
            "no_data",
        ),
    )


def _differing(
    request: Any,
    filters: Filters,
    answer: dict[str, Any],
    scope: dict[str, Any],
    regions: int,
) -> tuple[int, bool]:
    """Return the number of images that are not in order, and whether there are no more.

    Kingbird counts copies and no images, so they are listed, as far as that costs no more than
    the page itself.
    """
    is_whole = filters == Filters(sort=filters.sort, cell=filters.cell)
    limit = min(state.PAGE, matrix.MAX_CELLS // max(1, regions))
    if is_whole and (not state.has_more(answer) or limit <= 2 * len(answer["images"])):
        return len(answer["images"]), not state.has_more(answer)
    every = state.list_images(request, limit=limit, **scope)
    return len(every["images"]), not state.has_more(every)


def _oldest_shown(filters: Filters, answer: dict[str, Any]) -> str | None:
    """Return since when the oldest copy differs, if the page tells; else ``None``.

    Images are sorted by their oldest state, so none that follows has an older one than the last.
    """
    if filters != Filters(cell=filters.cell) or not answer["images"]:
        return None
    found = _oldest(answer["images"], "drift")
    last = _oldest(answer["images"][-1:])
    is_known = found and (not state.has_more(answer) or (last and found <= last))
    return found if is_known else None


def _oldest(images: list[dict[str, Any]], state_name: str = "") -> str | None:
    """Return the earliest ``since`` of some images' cells, or of those in a state."""
    times = [
        cell["since"]
        for image in images
        for cell in image["cells"].values()
        if cell["since"] and state_name in ("", cell["state"])
    ]
    return min(times, default=None)


def _compared(
    request: Any, figures: dict[str, dict[str, Any]], now: datetime, *, with_rules: bool
) -> str:
    """Return when the regions were compared last, by which rule, and when that is next."""
    times = [one["compared_at"] for one in figures.values() if one["compared_at"]]
    if not times:
        return _("not compared yet")
    text = _("compared %s ago") % ages.since(max(times), now)
    known = _rules(request) if with_rules else []
    ran = [rule for rule in known if rule["last_run_at"]]
    if ran:
        last = max(ran, key=lambda rule: rule["last_run_at"])
        text = _("%(compared)s, last by the rule %(name)s") % {
            "compared": text,
            "name": last["name"],
        }
    due = [rule["next_run_at"] for rule in known if rule["next_run_at"]]
    if due:
        text = f"{text} · " + _("next in %s") % ages.since(min(due), now)
    return text


def _rules(request: Any) -> list[dict[str, Any]]:
    try:
        return rules.list_all(request)
    except ServiceError:
        # A role may see states and no rules.
        return []
