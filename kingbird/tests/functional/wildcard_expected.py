"""What a sync of whole regions makes of the images that were planted there.

It is worked out from what is known of each image, not taken from Kingbird's answers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kingbird.tests.functional.people import Image
from kingbird.tests.functional.snapshots import Snapshot

REGIONS = ("RegionOne", "RegionTwo", "RegionThree")

CREATED, IN_SYNC, DRIFT = "created", "in_sync", "drift"
DATA_CONFLICT, OWNER_CONFLICT = "data_conflict", "owner_conflict"
DELETED, ID_TAKEN = "deleted_in_target", "id_taken"
FORBIDDEN, REGION_BOUND = "forbidden", "region_bound"

#: The source region and the reason, by image and target region.
Expected = dict[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True)
class Planted:
    """An image of the scene.

    :ivar homes: the regions that have it.
    :ivar beside: what the copies are that are not the source.
    :ivar burnt: the regions where it was deleted.
    :ivar is_bound: its data are in its region's volume service.
    """

    id: str
    homes: tuple[str, ...]
    beside: str = IN_SYNC
    burnt: tuple[str, ...] = ()
    is_bound: bool = False


def expect(
    images: Iterable[Planted],
    there: Snapshot,
    *,
    owner: str | None = None,
    seen: Snapshot | None = None,
) -> Expected:
    """Return what a sync makes of each image that is selected.

    :param images: what was planted.
    :param there: all that the regions hold.
    :param owner: the project whose images are selected; without it all projects' are.
    :param seen: what the caller sees, who is no admin then.
    """
    found: Expected = {}
    for planted, source in _sources(images, there, owner):
        image = there[source][planted.id]
        for target in REGIONS:
            copy = (seen or there)[target].get(planted.id)
            if planted.is_bound:
                reason = IN_SYNC if target == source else REGION_BOUND
            elif copy is None:
                taken = target in planted.burnt or planted.id in there[target]
                reason = _made(image, taken=taken, by_admin=seen is None)
            elif copy["owner"] != image["owner"]:
                reason = OWNER_CONFLICT
            else:
                beside = target in planted.homes and target != source
                reason = planted.beside if beside else IN_SYNC
            found[planted.id, target] = source, reason
            brought = (image.get(name) for name in ("kernel_id", "ramdisk_id"))
            for name in brought if reason == CREATED else ():
                if name and name not in there[target]:
                    found.setdefault((name, target), (source, CREATED))
    return found


def _sources(
    images: Iterable[Planted], there: Snapshot, owner: str | None
) -> Iterator[tuple[Planted, str]]:
    """Yield the images that are selected, each with the region of its source."""
    for planted in images:
        active = {
            region: image["created_at"]
            for region in planted.homes
            if (image := there[region][planted.id])["status"] == "active"
            and owner in (None, image["owner"])
        }
        if active:
            yield planted, min(active, key=lambda region: (active[region], region))


def _made(image: Image, *, taken: bool, by_admin: bool) -> str:
    """Return what becomes of an image that the target does not show."""
    if not by_admin and image["visibility"] == "public":
        return FORBIDDEN
    if taken:
        return DELETED if by_admin else ID_TAKEN
    return CREATED


def outcomes(expected: Expected) -> dict[str, int]:
    """Count what is expected by reason."""
    return dict(Counter(reason for _, reason in expected.values()))


def items(expected: Expected) -> dict[tuple[str, str], str]:
    """Return the reasons of what is not in order: the others have no item."""
    return {pair: reason for pair, (_, reason) in expected.items() if reason != IN_SYNC}


def created(expected: Expected) -> dict[str, set[str]]:
    """Return the images that are to be made, by region."""
    pairs = [pair for pair, (_, reason) in expected.items() if reason == CREATED]
    return {region: {name for name, target in pairs if target == region} for region in REGIONS}
