"""The one table of an image's fields: what is copied, compared and dropped.

A *record* here is the body of a POST that makes a copy; an *image* is what Glance shows.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any

#: Ids tried for a forced copy before it is given up.
MAX_FORCED_IDS = 20


Image = Mapping[str, Any]
Record = dict[str, Any]

#: Copied and compared.
COPIED = (
    "name",
    "disk_format",
    "container_format",
    "min_disk",
    "min_ram",
    "visibility",
    "protected",
    "os_hidden",
    "tags",
)
#: Fields that no user sets: Glance refuses most of them in a POST, and drops some.
#: Every other name is free for properties, even one that Glance uses elsewhere (``members``).
#: ``owner`` is copied for an admin, but is part of identity rather than compared.
SET_BY_GLANCE = frozenset(
    {
        "id",
        "owner",
        "status",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "size",
        "virtual_size",
        "created_at",
        "updated_at",
        "deleted",
        "deleted_at",
        "direct_url",
        "location",
        "locations",
        "stores",
        "self",
        "file",
        "schema",
    }
)
#: Glance reserves these names for itself.
RESERVED_PREFIX = "os_glance_"

#: Provenance of a record; left out of comparison.
SOURCE_REGION = "kingbird_source_region"
SOURCE_ID = "kingbird_source_id"
SOURCE_HASH = "kingbird_source_hash"
FORCED = "kingbird_forced"
#: The job that created a record, if that was undone: the record is hidden until a sync shows it.
UNDONE = "kingbird_undone"
#: When a copy was hidden because its home has no such image any more, in UTC.
ORPHANED_AT = "kingbird_orphaned_at"
PROVENANCE = frozenset({SOURCE_REGION, SOURCE_ID, SOURCE_HASH, FORCED, UNDONE, ORPHANED_AT})

#: Properties that refer to other images, which have to exist first.
REFERENCES = ("kernel_id", "ramdisk_id")

#: The state of an image that can be booted from.
ACTIVE = "active"
#: The state of an image that is in quarantine: its data are given to nobody but admins.
DEACTIVATED = "deactivated"
#: States in which an image has data.
WITH_DATA = frozenset({ACTIVE, DEACTIVATED})
#: The state of an image without data.  Glance refuses to change the formats in any other state.
QUEUED = "queued"

FORMATS = frozenset({"disk_format", "container_format"})

_NAMESPACE = uuid.UUID("6d0b1d0e-63a5-5e6c-9d55-5b2f7d6a3c11")


@dataclass(frozen=True)
class Rules:
    """The rules for records that an operator configures.

    :ivar dropped: properties that are meaningful in one region only.
    :ivar property_quota: Glance's ``image_property_quota``; below 0 for none.
    """

    dropped: frozenset[str] = field(default_factory=frozenset)
    property_quota: int = 128


def has_data(image: Image) -> bool:
    """Return whether an image has data."""
    return image.get("status") in WITH_DATA


def is_importable(source: Image) -> bool:
    """Return whether Glance gives the data of an image away: a deactivated one's it does not."""
    return source.get("status") == "active"


def lacks_data(source: Image, image: Image) -> bool:
    """Return whether a copy lacks data that could be imported."""
    return is_importable(source) and not has_data(image)


def data_hash(image: Image) -> str | None:
    """Return the hash of an image's data as provenance has it, or ``None`` if there is none."""
    algorithm, value = image.get("os_hash_algo"), image.get("os_hash_value")
    return f"{algorithm}:{value}" if algorithm and value else None


def properties(image: Image, rules: Rules) -> Record:
    """Return the custom properties that are copied, provenance included."""
    return {
        name: value
        for name, value in image.items()
        if name not in COPIED
        and name not in SET_BY_GLANCE
        and name not in rules.dropped
        and not name.startswith(RESERVED_PREFIX)
        # Glance shows properties of its own schema (kernel_id) that are not set as null.
        and value is not None
    }


def references(image: Image) -> dict[str, str]:
    """Return the ids that an image refers to, by property, in their canonical form."""
    found = {}
    for name in REFERENCES:
        try:
            found[name] = str(uuid.UUID(image.get(name) or ""))
        except (ValueError, AttributeError, TypeError):
            continue
    return found


def is_region_bound(image: Image) -> bool:
    """Return whether an image's data are volumes or snapshots of its region.

    Nova's snapshot of a server that boots from a volume has no data of its own, only a
    property that maps block devices.
    """
    mapping = image.get("block_device_mapping")
    return bool(mapping) and mapping != "[]" and not image.get("size")


def forced_id(source_id: str, region: str, n: int) -> str:
    """Return the ``n``-th id (from 1) that a forced copy of an image has in a region."""
    return str(uuid.uuid5(_NAMESPACE, f"{source_id}/{region}/{n}"))


def copy_number(image: Image, region: str) -> int | None:
    """Return which copy a record is of the image that its provenance names.

    Glance hands the properties of an image on to whatever is made of it, such as the snapshot of
    a server.  So provenance is believed only on a record whose id is the source's, or that of a
    forced copy in its region.

    :param region: the region of the record.
    :returns: 0 for a copy under the source's id, ``n`` for a forced copy under its ``n``-th id,
        ``None`` for an image whose provenance is absent or another image's.
    """
    source_id = image.get(SOURCE_ID)
    if source_id == image["id"]:
        return 0
    if not isinstance(source_id, str) or image.get(FORCED) != "true":
        return None
    numbers = range(1, MAX_FORCED_IDS + 1)
    return next((n for n in numbers if forced_id(source_id, region, n) == image["id"]), None)


def home_of(image: Image, region: str) -> str | None:
    """Return the region that a copy's provenance names, or ``None`` if the image is no copy.

    :param region: the region of the image.
    """
    home = image.get(SOURCE_REGION)
    if not isinstance(home, str) or home == region or copy_number(image, region) is None:
        return None
    return home


def is_marked(image: Image, region: str) -> bool:
    """Return whether an image is a copy that was hidden as an orphan.

    :param region: the region of the image.
    """
    return ORPHANED_AT in image and home_of(image, region) is not None


def record_for(
    image: Image,
    source_region: str,
    rules: Rules,
    *,
    image_id: str,
    owner: str | EllipsisType | None = ...,
    private: bool = False,
    forced: bool = False,
) -> Record:
    """Return the record that is a copy of an image.

    :param image: the image as Glance shows it in ``source_region``.
    :param image_id: the copy's id.
    :param owner: the copy's owner, where the caller may set one; ``None`` for a copy that belongs
        to no project.  Without it, Glance makes the caller's project the owner.
    :param private: make it private, as the copy of another project's image is.
    :param forced: mark it as a forced copy.
    """
    record: Record = {name: image[name] for name in COPIED if image.get(name) is not None}
    record["id"] = image_id
    record["tags"] = sorted(record.get("tags") or [])
    if owner is not ...:
        record["owner"] = owner
    if private:
        record["visibility"] = "private"
    custom = {
        name: value for name, value in properties(image, rules).items() if name not in PROVENANCE
    }
    record.update(custom)
    quota = rules.property_quota
    for marks in shed(provenance(image, source_region, forced=forced)):
        if quota < 0 or not marks or len(custom) + len(marks) <= quota:
            record.update(marks)
            break
    return record


def provenance(image: Image, source_region: str, *, forced: bool = False) -> Record:
    """Return the provenance of a copy of an image."""
    marks: Record = {
        SOURCE_REGION: source_region,
        SOURCE_ID: image["id"],
    }
    if own_hash := data_hash(image):
        marks[SOURCE_HASH] = own_hash
    is_copy = copy_number(image, source_region) == 0
    if is_copy and image.get(SOURCE_REGION) not in (None, source_region) and not forced:
        # A copy of a copy keeps the first provenance.  A forced copy is found by the image that
        # it was made from, so it does not.
        marks.update({name: image[name] for name in PROVENANCE if image.get(name)})
        marks.pop(FORCED, None)
        marks.pop(UNDONE, None)
        marks.pop(ORPHANED_AT, None)
    if forced:
        marks[FORCED] = "true"
    return marks


def shed(image: Image) -> list[Record]:
    """Return an image or record with less and less provenance, for a quota of properties.

    The hash gives way first, then the rest.
    """
    steps: list[Record] = []
    for left_out in (frozenset[str](), {SOURCE_HASH}, PROVENANCE):
        step = {name: value for name, value in image.items() if name not in left_out}
        if not steps or len(step) < len(steps[-1]):
            steps.append(step)
    return steps


def count_properties(record: Record) -> int:
    """Return the number of a record's properties, as Glance's quota counts them."""
    return len(record.keys() - SET_BY_GLANCE.union(COPIED))
