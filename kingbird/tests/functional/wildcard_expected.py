"""Computes the expected result of a wildcard job on the scene.

The computation uses the created images, not Kingbird's responses.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kingbird.tests.functional.people import Image
from kingbird.tests.functional.snapshots import Snapshot

REGIONS = ("RegionOne", "RegionTwo", "RegionThree")

CREATED, IN_SYNC, NO_DATA, DRIFT = "created", "in_sync", "no_data", "drift"
DATA_CONFLICT, OWNER_CONFLICT = "data_conflict", "owner_conflict"
DELETED, ID_TAKEN = "deleted_in_target", "id_taken"
FORBIDDEN, REGION_BOUND = "forbidden", "region_bound"

#: The source region and the reason, by image and target region.
Expected = dict[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True)
class Planted:
    """An image of the scene.

    :ivar homes: the regions that have it.
    :ivar beside: the expected reason for copies beside the source.
    :ivar tombstones: the regions with a tombstone of its id.
    :ivar is_bound: its data are in its region's volume service.
    """

    id: str
    homes: tuple[str, ...]
    beside: str = IN_SYNC
    tombstones: tuple[str, ...] = ()
    is_bound: bool = False


def expect(
    images: Iterable[Planted],
    there: Snapshot,
    *,
    owner: str | None = None,
    seen: Snapshot | None = None,
) -> Expected:
    """Return the expected result for each selected image.

    :param images: the images of the scene.
    :param there: all images of the regions.
    :param owner: the project of the selected images; by default all projects.
    :param seen: the images that the caller sees, if it is no admin.
    """
    found: Expected = {}
    for planted, source, claimed in _sources(images, there, owner):
        image = there[source][planted.id]
        for target in REGIONS:
            if claimed:
                reason = IN_SYNC if target == source else OWNER_CONFLICT
                found[planted.id, target] = source, reason
                continue
            copy = (seen or there)[target].get(planted.id)
            if planted.is_bound:
                reason = IN_SYNC if target == source else REGION_BOUND
            elif copy is None:
                taken = target in planted.tombstones or planted.id in there[target]
                reason = _made(image, taken=taken, by_admin=seen is None)
            elif copy["owner"] != image["owner"]:
                reason = OWNER_CONFLICT
            else:
                beside = target in planted.homes and target != source
                reason = planted.beside if beside else IN_SYNC
                # A source is active.
                if reason == IN_SYNC and copy["status"] != "active":
                    reason = NO_DATA
            found[planted.id, target] = source, reason
            brought = (image.get(name) for name in ("kernel_id", "ramdisk_id"))
            for name in brought if reason == CREATED else ():
                if name and name not in there[target]:
                    found.setdefault((name, target), (source, CREATED))
    return found


def _sources(
    images: Iterable[Planted], there: Snapshot, owner: str | None
) -> Iterator[tuple[Planted, str, bool]]:
    """Yield the selected images, each with its source region.

    The third value is True if the id belongs to another owner.
    """
    for planted in images:
        copies = {region: there[region][planted.id] for region in planted.homes}
        by_age = sorted(copies, key=lambda region: (copies[region]["created_at"], region))
        active = [region for region in by_age if copies[region]["status"] == "active"]
        # The owner of the oldest copy has the id.
        rightful = owner or copies[by_age[0]]["owner"]
        owned = [region for region in active if copies[region]["owner"] == rightful]
        if owned:
            yield planted, owned[0], False
        elif active and owner is None:
            yield planted, active[0], True


def _made(image: Image, *, taken: bool, by_admin: bool) -> str:
    """Return the expected reason for an image that the target does not show."""
    if not by_admin and image["visibility"] == "public":
        return FORBIDDEN
    if taken:
        return DELETED if by_admin else ID_TAKEN
    return CREATED


def outcomes(expected: Expected) -> dict[str, int]:
    """Count the expected results by reason."""
    return dict(Counter(reason for _, reason in expected.values()))


def items(expected: Expected, *, dry_run: bool = False) -> dict[tuple[str, str], str]:
    """Return the expected reasons of items.

    Images that are in sync have no item, but in a dry run those without data have one.
    """
    none = (IN_SYNC,) if dry_run else (IN_SYNC, NO_DATA)
    return {pair: reason for pair, (_, reason) in expected.items() if reason not in none}


def created(expected: Expected) -> dict[str, set[str]]:
    """Return the images that have to be made, by region."""
    pairs = [pair for pair, (_, reason) in expected.items() if reason == CREATED]
    return {region: {name for name, target in pairs if target == region} for region in REGIONS}
