"""Compares a copy with what it should be.  Pure: no I/O, no state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kingbird.states import UNLISTED_IMAGES, Reason
from kingbird.sync import image as fields
from kingbird.sync.image import Image, Record, Rules
from kingbird.text import clean

OWNER_CONFLICT = Reason.OWNER_CONFLICT
DATA_CONFLICT = Reason.DATA_CONFLICT

SAME = "same"
DIFFERENT = "different"
UNKNOWN = "unknown"

#: The field that is changed by a call of its own.
STATUS = "status"
#: Reasons of copies whose fields agree with the source.
AGREEING = frozenset({Reason.IN_SYNC, Reason.NO_DATA})
#: The maximum of differing fields whose values are told, and of characters of a value.
MAX_DIFFERENCES, MAX_VALUE = 20, 255

CONVERTED = (
    "Its data or formats are not those of the source: its Glance converted them at import, or "
    "other data were uploaded into the copy"
)


@dataclass(frozen=True)
class Comparison:
    """The result of comparing an image in the target with its record.

    :ivar reason: ``in_sync``, ``no_data``, ``drift``, ``owner_conflict``, ``data_conflict`` or
        ``id_taken``.
    :ivar fields: the fields that differ, sorted.
    :ivar note: a sentence for a person, if the reason leaves something out.
    """

    reason: str
    fields: tuple[str, ...] = ()
    note: str | None = None


def differing_fields(record: Record, image: Image) -> tuple[str, ...]:
    """Return the compared fields in which an image differs from a record.

    Properties that only the image has, provenance and the owner are left out.
    """
    names = set(fields.COPIED) | (record.keys() - fields.SET_BY_GLANCE - fields.PROVENANCE)
    return tuple(sorted(name for name in names if _value(record, name) != _value(image, name)))


def differences(
    record: Record, image: Image, names: Sequence[str]
) -> dict[str, dict[str, str | None]]:
    """Return the values of fields that differ, as texts, of the source and of the copy.

    Both the fields and the texts are bounded.

    :param record: the record that would be made of the source, with the source's status.
    :param names: the fields.
    """
    return {
        clean(name, MAX_VALUE): {
            "source": text_of(_value(record, name)),
            "target": text_of(_value(image, name)),
        }
        for name in names[:MAX_DIFFERENCES]
    }


def text_of(value: Any) -> str | None:
    """Return a value as a text; ``None`` is an absent one."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return clean(", ".join(map(str, value)), MAX_VALUE)
    return clean(str(value), MAX_VALUE)


def extra_fields(record: Record, image: Image, rules: Rules) -> tuple[str, ...]:
    """Return the properties that only the image has, of those that are copied."""
    extra = fields.properties(image, rules).keys() - record.keys() - fields.PROVENANCE
    return tuple(sorted(extra))


def agree(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether a field has the same value in two images or records."""
    return bool(_value(one, name) == _value(other, name))


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


def status_to_reach(source: Image, image: Image) -> str | None:
    """Return the status that a copy has to follow its source to, or ``None`` if it needs not.

    A quarantine spreads from any source to copies, but a copy does not put its original into one.
    Only an image that is no copy ends one, as its own region's operators did.

    :param source: a source, with the provenance that it has.
    :param image: the image in the target.
    """
    pair = source.get("status"), image.get("status")
    if pair not in ((fields.DEACTIVATED, fields.ACTIVE), (fields.ACTIVE, fields.DEACTIVATED)):
        return None
    is_copy = source.get(fields.SOURCE_ID) == source["id"]
    meets_copy = image.get(fields.SOURCE_ID) in (image["id"], source["id"])
    if is_copy and (pair[0] == fields.ACTIVE or not meets_copy):
        return None
    return pair[0]


def lacks_data(source: Image, image: Image) -> bool:
    """Return whether a copy can't be booted from, though its source can."""
    return source.get("status") == fields.ACTIVE and image.get("status") != fields.ACTIVE


def is_made_from(record: Record, source: Image, image: Image) -> bool:
    """Return whether a copy's data were made from the data that the source has now.

    A Glance may convert, compress or decompress data at import.  Then only provenance tells where
    they came from.

    :param record: the source's record, which has the provenance of a copy of it.
    :param image: an image under the copy's id and owner.
    """
    if image.get("status") == fields.QUEUED:
        return False
    here, there = fields.data_hash(image), fields.data_hash(source)
    # The source may be a copy itself, whose record keeps the first hash.
    first = record.get(fields.SOURCE_HASH)
    named = None
    if image.get(fields.SOURCE_ID) == record.get(fields.SOURCE_ID):
        named = image.get(fields.SOURCE_HASH)
    return named in {there, first} - {None} or (first != there and first in {here} - {None})


def data_keys(image: Image) -> frozenset[str]:
    """Return texts of which images with the same data have one in common.

    An image without data has none.
    """
    if not fields.has_data(image):
        return frozenset()
    own_hash = fields.data_hash(image)
    keys = {own_hash} if own_hash else set()
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
    if image.get("status") in UNLISTED_IMAGES:
        return Comparison(
            Reason.ID_TAKEN,
            note=f"The image that has this id is {image['status']}: Glance lists it no more, and "
            "it gets no data.  A forced sync makes a copy under another id",
        )
    has_other_data = compare_data(source, image) == DIFFERENT
    differing = differing_fields(record, image)
    converted = (has_other_data or not fields.FORMATS.isdisjoint(differing)) and is_made_from(
        record, source, image
    )
    if converted:
        differing = tuple(name for name in differing if name not in fields.FORMATS)
    elif has_other_data:
        return Comparison(DATA_CONFLICT)
    if status_to_reach(source, image):
        differing = tuple(sorted((*differing, STATUS)))
    if differing:
        return Comparison(Reason.DRIFT, differing)
    if lacks_data(source, image):
        return Comparison(Reason.NO_DATA)
    return Comparison(Reason.IN_SYNC, note=CONVERTED if converted else None)


def is_new_copy(record: Record, owner: str | None, image: Image) -> bool:
    """Return whether an image is a copy by ``record`` that has no data yet.

    An earlier attempt made it.  Anybody can write provenance, so it counts only under the right
    owner.
    """
    return (
        image.get("status") == fields.QUEUED
        and image.get("owner") == owner
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

    Glance adds the tags of a new image last, and a list in between shows none.  Any change by a
    user moves the second time.
    """
    return (
        comparison == Comparison(Reason.DRIFT, ("tags",))
        and not image.get("tags")
        and image.get("created_at") == image.get("updated_at")
        and is_new_copy(record, owner, image)
    )
