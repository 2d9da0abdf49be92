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
    """What an image in the target is to its source.

    :ivar reason: ``in_sync``, ``drift``, ``owner_conflict`` or ``data_conflict``.
    :ivar fields: the fields that differ, sorted.
    """

    reason: str
    fields: tuple[str, ...] = ()


def differing_fields(record: Record, image: Image) -> tuple[str, ...]:
    """Return the compared fields in which an image is not what a record says.

    Properties that only the image has are none of the record's business; provenance and
    owner are left out.
    """
    names = set(fields.COPIED) | (record.keys() - fields.SET_BY_GLANCE - fields.PROVENANCE)
    return tuple(sorted(name for name in names if _value(record, name) != _value(image, name)))


def extra_fields(record: Record, image: Image, rules: Rules) -> tuple[str, ...]:
    """Return the properties that only the image has, as far as such are copied at all."""
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
    """Say whether two images hold the same data: ``same``, ``different`` or ``unknown``.

    Each Glance chooses its own hash, so hashes are compared only when both used the same;
    else checksum and size.  What has no data is unknown.
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


def compare(record: Record, owner: str | None, source: Image, image: Image) -> Comparison:
    """Compare an image in the target with the record that would have been made.

    :param owner: whom the copy has to belong to; the owner is part of identity, so it is
        looked at before anything else.
    :param source: the image that the record is a copy of, for its data.
    """
    if image.get("owner") != owner:
        return Comparison(OWNER_CONFLICT)
    if compare_data(source, image) == DIFFERENT:
        return Comparison(DATA_CONFLICT)
    differing = differing_fields(record, image)
    return Comparison(Reason.DRIFT, differing) if differing else Comparison(Reason.IN_SYNC)


def has_provenance(record: Record, owner: str | None, image: Image) -> bool:
    """Whether an image is the copy that ``record`` describes, made by an earlier attempt.

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
    record: Record, owner: str | None, image: Image, verdict: Comparison
) -> bool:
    """Whether an image is a copy that somebody makes at the moment, or left half made.

    Glance adds the tags of a new image after the rest, and whoever lists it in between sees none.
    """
    return (
        verdict == Comparison(Reason.DRIFT, ("tags",))
        and not image.get("tags")
        and not fields.has_data(image)
        and image.get("created_at") == image.get("updated_at")
        and has_provenance(record, owner, image)
    )
