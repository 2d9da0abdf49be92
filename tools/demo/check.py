"""Check a region's records field by field.

The check does not use Kingbird's own table of fields, which could lack a field.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.glance import Image

#: Fields that each Glance sets itself.  All other fields must be the same.
REGIONAL = frozenset(
    {
        *("status", "checksum", "os_hash_algo", "os_hash_value", "size", "virtual_size"),
        *("created_at", "updated_at", "self", "file", "schema", "direct_url", "locations"),
        "stores",
    }
)
#: Properties that hold another image's id.
REFERENCES = ("kernel_id", "ramdisk_id")


@dataclass(frozen=True)
class Problem:
    """A problem of one image in one region."""

    region: str
    image_id: str
    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.region}: {self.name} ({self.image_id}): {self.what}"


def problems(
    source_region: str, source: Mapping[str, Image], region: str, there: Mapping[str, Image]
) -> list[Problem]:
    """Return the problems of a target region.

    :param source: the images that should be copied, by id.
    :param there: the images in the target region, by id.
    """
    found = []
    for image_id, image in source.items():
        if image_id not in there:
            sentences = ["is missing"]
        else:
            sentences = differences(source_region, image, there[image_id], there)
        found += [Problem(region, image_id, image["name"], text) for text in sentences]
    for image_id in there.keys() - source.keys():
        name = str(there[image_id]["name"])
        found.append(Problem(region, image_id, name, f"is there, and not in {source_region}"))
    return found


def differences(
    source_region: str, image: Image, copy: Image, there: Collection[str]
) -> list[str]:
    """Return the problems of a copy, a sentence for each field.

    :param there: the ids of all images in the copy's region.
    """
    expected, actual = _comparable(image), _comparable(copy)
    provenance = {name: actual.pop(name) for name in [*actual] if name.startswith("kingbird_")}
    found = [
        f"{name} is {actual.get(name)!r}, but {expected.get(name)!r} in {source_region}"
        for name in sorted(expected.keys() | actual.keys())
        if expected.get(name) != actual.get(name)
    ]
    found += [
        f"{name} is {provenance.get(name)!r}, and should be {value!r}"
        for name, value in _provenance(source_region, image).items()
        if provenance.get(name) != value
    ]
    found += [
        f"{name} names {copy[name]}, which is not there"
        for name in REFERENCES
        if copy.get(name) and copy[name] not in there
    ]
    return found


def wrong_rows(
    rows: Sequence[Mapping[str, str]],
    missing: Collection[str],
    source: str,
    targets: Sequence[str],
) -> list[str]:
    """Return the problems of a matrix of images and regions, a sentence for each image.

    :param rows: the rows of ``openstack image sync diff``: cells by column.
    :param missing: the ids of the images that only the source has.  Other images have no row.
    """
    right = {source: "=", **dict.fromkeys(targets, "+")}
    cells = {row["ID"]: {region: row.get(region) for region in right} for row in rows}
    found = [
        f"the matrix has {cells.get(image_id, 'no row')} for {image_id}, and should have {right}"
        for image_id in sorted(missing)
        if cells.get(image_id) != right
    ]
    surplus = [row for row in rows if row["ID"] not in missing]
    found += [f"the matrix has a row for {row['ID']} ({row['Name']})" for row in surplus]
    if len(rows) != len(cells):
        found.append("the matrix has two rows for one image")
    return found


def records_not_same(
    rows: Sequence[Mapping[str, str]], without_data: Collection[str], regions: Sequence[str]
) -> list[str]:
    """Return the ids of images in a matrix whose records are not the same everywhere.

    :param without_data: images whose copies lack their data, which have a row all the same.
    """
    same = {"=", "o"}
    return [
        row["ID"]
        for row in rows
        if row["ID"] not in without_data or {row.get(region) for region in regions} - same
    ]


def _comparable(image: Image) -> dict[str, Any]:
    """Return the fields to compare; tags are sorted, and fields that are null are left out."""
    return {
        name: sorted(value) if name == "tags" else value
        for name, value in image.items()
        if name not in REGIONAL and not name.startswith("os_glance_") and value is not None
    }


def _provenance(region: str, image: Image) -> dict[str, str]:
    marks = {"kingbird_source_region": region, "kingbird_source_id": image["id"]}
    if image.get("os_hash_value"):
        marks["kingbird_source_hash"] = f"{image['os_hash_algo']}:{image['os_hash_value']}"
    return marks
