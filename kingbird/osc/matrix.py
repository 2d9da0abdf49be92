"""Convert the items of a dry run to a matrix of images and regions.  Makes no calls.

The job determines the cells:

* an item describes its image in its target region;
* the region that an item was compared with has the image;
* a dry run of the wildcard stores no item of an image that is in sync, so a compared target
  without an item of a selected image has it in sync;
* all other cells are not known and stay blank.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kingbird.osc.differences import explain
from kingbird.osc.images import ImageSummary
from kingbird.states import ALL

SAME, NO_DATA, MISSING, DIFFERENT, PROBLEM, UNKNOWN = "=", "o", "+", "~", "!", ""

LEGEND = (
    "= there and in sync   o in sync but for its data   + would be created   ~ differs   "
    "! problem   (blank) not known"
)

_SYMBOLS = {"in_sync": SAME, "no_data": NO_DATA, "missing": MISSING, "drift": DIFFERENT}
#: Reasons of items whose source may not have been read.
_SOURCE_UNSEEN = frozenset(
    {None, "region_unavailable", "listing_incomplete", "source_gone", "forbidden"}
    | {"credentials_rejected", "endpoint_invalid", "listing_refused"}
    | {"credentials_lost", "too_many_items", "internal_error", "cancelled"}
)

_NONE = "none"

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Selection:
    """The images that the job selects.

    :ivar wildcard: True if the job is about all images, and not about images by id.
    :ivar owner: the project that owns the images; ``None`` for all projects.
    :ivar filtered: True if the job has filters.
    """

    targets: Collection[str]
    wildcard: bool = False
    owner: str | None = None
    filtered: bool = False


@dataclass(frozen=True)
class Row:
    """An image's row.

    :ivar cells: a symbol for each region.
    :ivar reasons: the reasons of symbols that need words, by region.
    """

    id: str
    name: str
    cells: tuple[str, ...]
    reasons: dict[str, str] = field(default_factory=dict)


def rows(
    items: Iterable[Item],
    regions: Sequence[str],
    selection: Selection,
    summaries: Mapping[str, ImageSummary],
) -> list[Row]:
    """Return a row for each image that has an item, sorted by name.

    :param items: items of the API's response.
    :param regions: the columns.
    :param summaries: Glance's fields of the images, if the region could be reached.
    """
    images: dict[str, dict[str, Item]] = {}
    not_listed: set[str] = set()
    for item in items:
        if item["resource"] == ALL:
            not_listed.add(item["target_region"])
        else:
            images.setdefault(item["resource"], {})[item["target_region"]] = item
    compared = {region for region in selection.targets if region not in not_listed}
    certain = _selected(images, selection, summaries)
    matrix_rows = [
        Row(
            image_id,
            summaries[image_id].name if image_id in summaries else "",
            tuple(
                _cell(by_region, region, region in compared and image_id in certain)
                for region in regions
            ),
            {region: reason(item) for region, item in by_region.items() if _needs_reason(item)},
        )
        for image_id, by_region in images.items()
    ]
    return sorted(matrix_rows, key=lambda row: (row.name, row.id))


def _cell(by_region: Mapping[str, Item], region: str, compared: bool) -> str:
    if region in by_region:
        return _symbol(by_region[region])
    if any(
        item["source_region"] == region and item["reason"] not in _SOURCE_UNSEEN
        for item in by_region.values()
    ):
        return SAME
    return SAME if compared else UNKNOWN


def _selected(
    images: Collection[str], selection: Selection, summaries: Mapping[str, ImageSummary]
) -> set[str]:
    """Return the images that were certainly compared with every target.

    Kernels and ramdisks outside of the selection are compared only where an image that refers to
    them is missing.
    """
    if not selection.wildcard:
        return set()
    seen = {image_id for image_id in images if image_id in summaries}
    if selection.filtered:
        named = {other for image_id in seen for other in summaries[image_id].references}
        return seen - named if len(seen) == len(images) else set()
    return {
        image_id
        for image_id in seen
        if summaries[image_id].status == "active"
        and selection.owner in (None, summaries[image_id].owner)
    }


def _symbol(item: Item) -> str:
    if item["reason"] == "same_name" and item["action"] == "create":
        return MISSING
    return _SYMBOLS.get(item["reason"], PROBLEM)


def _needs_reason(item: Item) -> bool:
    return item["reason"] == "same_name" or _symbol(item) in (DIFFERENT, PROBLEM)


def reason(item: Item) -> str:
    """Return an item's reason, with the message and the values that differ if there are some."""
    return explain(item["reason"] or item["sync_status"], item["message"], item.get("fields"))


def summary(
    matrix_rows: Sequence[Row], items: Iterable[Item], job: Mapping[str, Any]
) -> list[str]:
    """Return the lines below the matrix.

    :param job: the job of the API's response, without its items.
    """
    lines = [LEGEND]
    lines.append(_count(job, "in_sync", "Copies in sync by region, with and without a row"))
    without_data = _count(job, "no_data", "Copies in sync but for their data")
    if not without_data.endswith(_NONE):
        lines.append(without_data)
    regional = [item for item in items if item["resource"] == ALL]
    if regional:
        lines += ["", "Not compared as a whole:"]
        lines += [f"  {item['target_region']}: {reason(item)}" for item in regional]
    reasons = [
        (row, region, text) for row in matrix_rows for region, text in sorted(row.reasons.items())
    ]
    if reasons:
        lines += ["", "Reasons:"]
        lines += [
            f"  {row.name or row.id} in {region}: {text}"
            + (f" ({row.id})" if row.name not in ("", row.id) else "")
            for row, region, text in reasons
        ]
    return lines


def _count(job: Mapping[str, Any], outcome: str, noun: str) -> str:
    """Return a line with the numbers of an outcome by region."""
    regions = sorted((job.get("regions") or {}).items())
    counts = {region: each["outcomes"].get(outcome, 0) for region, each in regions}
    numbers = ", ".join(f"{region} {count}" for region, count in counts.items() if count)
    return f"{noun}: {numbers or _NONE}"


def differs(matrix_rows: Iterable[Row]) -> bool:
    """Return True if a cell is neither in sync nor unknown."""
    return any({*row.cells} - {SAME, UNKNOWN} for row in matrix_rows)
