"""Compares a copy with what it should be.  Pure: no I/O, no state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kingbird.states import Reason
from kingbird.sync import image as fields
from kingbird.sync.image import Image, Record, Rules

OWNER_CONFLICT = Reason.OWNER_CONFLICT
DATA_CONFLICT = Reason.DATA_CONFLICT

SAME = "same"
DIFFERENT = "different"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Comparison:
    """The result of comparing an image in the target with its record.

    :ivar reason: ``in_sync``, ``drift``, ``owner_conflict`` or ``data_conflict``.
    :ivar fields: the fields that differ, sorted.
    """

    reason: str
    fields: tuple[str, ...] = ()


def differing_fields(record: Record, image: Image) -> tuple[str, ...]:
    """Return the compared fields in which an image differs from a record.

    Properties that only the image has, provenance and the owner are left out.
    """
    names = set(fields.COPIED) | (record.keys() - fields.SET_BY_GLANCE - fields.PROVENANCE)
    return tuple(sorted(name for name in names if _value(record, name) != _value(image, name)))


def extra_fields(record: Record, image: Image, rules: Rules) -> tuple[str, ...]:
    """Return the properties that only the image has, of those that are copied."""
    extra = fields.properties(image, rules).keys() - record.keys() - fields.PROVENANCE
    return tuple(sorted(extra))


def _value(fields_of: Mapping[str, Any], name: str) -> Any:
    value = fields_of.get(name)
    if name == "tags":
        return sorted(value or [])
    if name in ("min_disk", "min_ram"):
        return value or 0
    if name in ("protected", "os_hidden"):
        return bool(value)
    return value


def compare_data(source: Image, image: Image) -> str:
    """Return whether two images hold the same data: ``same``, ``different`` or ``unknown``.

    Each Glance chooses its own hash algorithm.  If the two differ, checksum and size are compared.
    The data of an image without data are unknown.
    """
    if not (fields.has_data(source) and fields.has_data(image)):
        return UNKNOWN
    algorithm = source.get("os_hash_algo")
    if algorithm and algorithm == image.get("os_hash_algo"):
        hashes = source.get("os_hash_value"), image.get("os_hash_value")
        if all(hashes):
            return SAME if hashes[0] == hashes[1] else DIFFERENT
    if source.get("checksum") and image.get("checksum"):
        pairs = [(source.get(name), image.get(name)) for name in ("checksum", "size")]
        return SAME if all(a == b for a, b in pairs) else DIFFERENT
    return UNKNOWN


def data_keys(image: Image) -> frozenset[str]:
    """Return texts of which images with the same data have one in common.

    An image without data has none.
    """
    if not fields.has_data(image):
        return frozenset()
    algorithm, value = image.get("os_hash_algo"), image.get("os_hash_value")
    keys = {f"{algorithm}:{value}"} if algorithm and value else set()
    if image.get("checksum"):
        keys.add(f"{image['checksum']} {image.get('size')}")
    return frozenset(keys)


def compare(record: Record, owner: str | None, source: Image, image: Image) -> Comparison:
    """Compare an image in the target with the record that would have been made.

    :param owner: the owner that the copy has to have; as part of the identity it is compared
        first.
    :param source: the image that the record is a copy of, for its data.
    """
    if image.get("owner") != owner:
        return Comparison(OWNER_CONFLICT)
    if compare_data(source, image) == DIFFERENT:
        return Comparison(DATA_CONFLICT)
    differing = differing_fields(record, image)
    return Comparison(Reason.DRIFT, differing) if differing else Comparison(Reason.IN_SYNC)


def has_provenance(record: Record, owner: str | None, image: Image) -> bool:
    """Return whether an image is a copy by ``record``, made by an earlier attempt.

    Anybody can write provenance, so it counts only under the right owner.
    """
    return (
        image.get("owner") == owner
        and all(
            image.get(name) == record[name]
            for name in (fields.SOURCE_REGION, fields.SOURCE_ID)
            if name in record
        )
        and (fields.SOURCE_ID in record)
    )


def is_incomplete_copy(
    record: Record, owner: str | None, image: Image, comparison: Comparison
) -> bool:
    """Return whether an image is a copy whose creation is under way or was interrupted.

    Glance adds the tags of a new image last, and a list in between shows none.
    """
    return (
        comparison == Comparison(Reason.DRIFT, ("tags",))
        and not image.get("tags")
        and not fields.has_data(image)
        and image.get("created_at") == image.get("updated_at")
        and has_provenance(record, owner, image)
    )
