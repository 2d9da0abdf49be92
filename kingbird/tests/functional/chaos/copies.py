"""Compares what a job made with what it was to make, by Kingbird's own rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kingbird.clients.glance import Image, ImageClient, list_query
from kingbird.conf.sync import REGION_BOUND_PROPERTIES
from kingbird.sync import compare
from kingbird.sync.image import FORCED, PROVENANCE, SOURCE_ID, Rules, record_for

RULES = Rules(dropped=frozenset(REGION_BOUND_PROPERTIES))


@dataclass
class Findings:
    """What a region holds that it should not, and lacks that it should hold.

    :ivar copies: the ids of copies that are there once, by image and region.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    copies: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, other: "Findings") -> None:
        """Take another region's findings in."""
        self.lost += other.lost
        self.doubled += other.doubled
        self.copies |= other.copies


def listing(images: ImageClient, since: str | None = None) -> list[Image]:
    """Return a region's images, hidden ones too, straight from its Glance.

    :param since: leave out those that were made before.
    """
    filters = [("created_at", f"gte:{since}")] if since else []
    found: list[Image] = []
    for hidden in (False, True):
        marker: str | None = None
        while True:
            query = list_query(hidden=hidden, marker=marker, filters=filters)
            page = images.fetch_page(query)
            found += images.parse_page(page)
            marker = images.next_marker(page)
            if marker is None:
                break
    return found


def is_forced_copy(image: Image) -> bool:
    """Whether an image says that it is a copy under an id of its own."""
    return image.get(FORCED) == "true"


def _wrong(source: Image, source_region: str, copy: Image) -> list[str]:
    """Return the fields in which a copy is not what it should be."""
    record = record_for(
        source, source_region, RULES, image_id=copy["id"], forced=is_forced_copy(copy)
    )
    return [
        *compare.differing_fields(record, copy),
        *compare.extra_fields(record, copy, RULES),
        *(name for name in sorted(PROVENANCE) if record.get(name) != copy.get(name)),
        *(name for name in ("owner",) if source[name] != copy[name]),
    ]


def compare_region(
    region: str,
    found: Sequence[Image],
    sources: Iterable[Image],
    source_region: str,
    forced: set[str],
) -> Findings:
    """Say what is wrong with the copies in a region.

    :param found: all that a job can have made there.
    :param forced: ids of the images of which copies under other ids were asked for.
    """
    findings = Findings()
    left = {image["id"]: image for image in found}
    for source in sources:
        image_id = source["id"]
        if image_id in forced:
            copies = [
                image
                for image in found
                if image.get(SOURCE_ID) == image_id and is_forced_copy(image)
            ]
        else:
            copies = [image for image in found if image["id"] == image_id]
        for copy in copies:
            left.pop(copy["id"], None)
        if not copies:
            findings.lost.append(f"{image_id} is not in {region}")
        elif len(copies) > 1:
            findings.doubled.append(f"{image_id} is {len(copies)} times in {region}")
        else:
            findings.copies[image_id, region] = copies[0]["id"]
            if wrong := _wrong(source, source_region, copies[0]):
                findings.lost.append(f"{image_id} in {region} has another {', '.join(wrong)}")
    findings.doubled += [f"{image_id} in {region} is nobody's copy" for image_id in left]
    return findings


def misnamed(
    items: Iterable[Mapping[str, Any]], copies: Mapping[tuple[str, str], str]
) -> list[str]:
    """Say which items name another image as the copy than the one that is in the region.

    :param items: as the API shows them.
    :param copies: as of :class:`Findings`; what is lost or doubled is found there.
    """
    return [
        f"{item['resource']} in {item['target_region']} is {copy}, not {item['target_resource']}"
        for item in items
        if (copy := copies.get((item["resource"], item["target_region"])))
        and item["target_resource"] != copy
    ]
