"""Compares the result of a job with Kingbird's own rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import Image, list_query
from kingbird.conf.sync import KEY_MANAGER_PROPERTIES, REGION_BOUND_PROPERTIES
from kingbird.sync import compare
from kingbird.sync.image import FORCED, PROVENANCE, SOURCE_ID, Rules, record_for

RULES = Rules(dropped=frozenset([*REGION_BOUND_PROPERTIES, *KEY_MANAGER_PROPERTIES]))


@dataclass
class Findings:
    """Wrong and missing images of a region.

    :ivar copies: the ids of copies that exist once, by image and region.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    copies: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, other: "Findings") -> None:
        """Add the findings of another region."""
        self.lost += other.lost
        self.doubled += other.doubled
        self.copies |= other.copies


def listing(images: ImageClient, since: str | None = None) -> list[Image]:
    """Return the images of a region, hidden ones too, directly from its Glance.

    :param since: leave out images that were made before.
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
    """Return True if an image says that it is a forced copy."""
    return image.get(FORCED) == "true"


def _wrong(source: Image, source_region: str, copy: Image) -> list[str]:
    """Return the fields in which a copy is wrong."""
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
    """Describe the wrong copies in a region.

    :param found: all images that the job can have made there.
    :param forced: ids of the images with forced copies.
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
    """Describe the items whose copy differs from the one in the region.

    :param items: items as the API shows them.
    :param copies: copies of :class:`Findings`, which reports lost and doubled ones itself.
    """
    return [
        f"{item['resource']} in {item['target_region']} is {copy}, not {item['target_resource']}"
        for item in items
        if (copy := copies.get((item["resource"], item["target_region"])))
        and item["target_resource"] != copy
    ]
