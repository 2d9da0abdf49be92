"""What a dry run found, as a matrix of images and regions.  Pure: what it needs is handed in.

A cell tells only what the job tells:

* an item is about its image in its target region;
* the region that an item was compared with has the image;
* a job about whole regions keeps no item of an image that is in order, so a target that was
  looked at and has no item of an image of the selection has it in order;
* everything else is not known, and the cell is blank.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kingbird.osc.images import ImageSummary
from kingbird.states import ALL

SAME, MISSING, DIFFERENT, PROBLEM, UNKNOWN = "=", "+", "~", "!", ""

LEGEND = "= there and in sync   + would be created   ~ differs   ! problem   (blank) not known"

_SYMBOLS = {"in_sync": SAME, "missing": MISSING, "drift": DIFFERENT}
#: Reasons of items whose source was perhaps not seen.
_SOURCE_UNSEEN = frozenset(
    {None, "region_unavailable", "listing_incomplete", "source_gone", "forbidden"}
    | {"credentials_lost", "too_many_items", "internal_error", "cancelled"}
)

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Selection:
    """Which images the job was about.

    :ivar targets: the regions that images are to be in.
    :ivar whole: whether it is about all images, and not about named ones.
    :ivar owner: the project whose images they are; ``None`` for all projects'.
    :ivar filtered: whether filters leave some out.
    """

    targets: Collection[str]
    whole: bool = False
    owner: str | None = None
    filtered: bool = False


@dataclass(frozen=True)
class Row:
    """One image.

    :ivar cells: a symbol for each region.
    :ivar reasons: by region what a symbol means, where that needs words.
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

    :param items: as the API shows them.
    :param regions: the columns.
    :param summaries: what Glance tells of the images, as far as it could be asked.
    """
    images: dict[str, dict[str, Item]] = {}
    not_listed: set[str] = set()
    for item in items:
        if item["resource"] == ALL:
            not_listed.add(item["target_region"])
        else:
            images.setdefault(item["resource"], {})[item["target_region"]] = item
    compared = {region for region in selection.targets if region not in not_listed}
    sure = _selected(images, selection, summaries)
    made = [
        Row(
            image_id,
            summaries[image_id].name if image_id in summaries else "",
            tuple(
                _cell(there, region, region in compared and image_id in sure) for region in regions
            ),
            {region: reason(item) for region, item in there.items() if _needs_reason(item)},
        )
        for image_id, there in images.items()
    ]
    return sorted(made, key=lambda row: (row.name, row.id))


def _cell(there: Mapping[str, Item], region: str, compared: bool) -> str:
    if region in there:
        return _SYMBOLS.get(there[region]["reason"], PROBLEM)
    if any(
        item["source_region"] == region and item["reason"] not in _SOURCE_UNSEEN
        for item in there.values()
    ):
        return SAME
    return SAME if compared else UNKNOWN


def _selected(
    images: Collection[str], selection: Selection, summaries: Mapping[str, ImageSummary]
) -> set[str]:
    """Return the images that were surely compared with every target.

    Kernels and ramdisks that are not in the selection themselves come along only where an image
    that names them is missing.
    """
    if not selection.whole:
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


def _needs_reason(item: Item) -> bool:
    return _SYMBOLS.get(item["reason"], PROBLEM) in (DIFFERENT, PROBLEM)


def reason(item: Item) -> str:
    """Return why an item is what it is: the stable word, and the sentence if there is one."""
    word = item["reason"] or item["sync_status"]
    return f"{word}: {item['message']}" if item["message"] else str(word)


def summary(made: Sequence[Row], items: Iterable[Item], job: Mapping[str, Any]) -> list[str]:
    """Return the lines that stand below the matrix.

    :param job: what the API tells of the job beside its items.
    """
    lines = [LEGEND]
    counts = {
        region: there["outcomes"].get("in_sync", 0)
        for region, there in sorted((job.get("regions") or {}).items())
    }
    in_order = ", ".join(f"{region} {count}" for region, count in counts.items() if count)
    lines.append(f"Copies in sync by region, with and without a row: {in_order or 'none'}")
    regional = [item for item in items if item["resource"] == ALL]
    if regional:
        lines += ["", "Not compared as a whole:"]
        lines += [f"  {item['target_region']}: {reason(item)}" for item in regional]
    told = [(row, region, text) for row in made for region, text in sorted(row.reasons.items())]
    if told:
        lines += ["", "Reasons:"]
        lines += [
            f"  {row.name or row.id} in {region}: {text}" + (f" ({row.id})" if row.name else "")
            for row, region, text in told
        ]
    return lines


def differs(made: Iterable[Row]) -> bool:
    """Whether any cell is neither in order nor unknown."""
    return any({*row.cells} - {SAME, UNKNOWN} for row in made)
