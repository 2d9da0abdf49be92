"""Forced copies: images under ids of their own, which count as copies of their source (section 7).

Anybody can write the properties that mark one, so it counts only if its id is one that Kingbird
would have given it.
"""

from collections.abc import Mapping

from kingbird.sync import image as fields
from kingbird.sync.copies import FORCED_TRIES
from kingbird.sync.image import Image


def number_of(region: str, image: Image) -> int | None:
    """Return how many-th id of a forced copy an image has, or ``None`` when it is none."""
    source_id = image.get(fields.SOURCE_ID)
    if image.get(fields.FORCED) != "true" or not isinstance(source_id, str):
        return None
    numbers = range(1, FORCED_TRIES + 1)
    return next(
        (n for n in numbers if fields.forced_id(source_id, region, n) == image["id"]), None
    )


class ForcedCopies:
    """The forced copies that are known, by region and source image."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[int, Image]] = {}

    def add(self, region: str, image: Image) -> bool:
        """Note an image, if it is a forced copy.

        :returns: whether it is one.
        """
        if fields.FORCED not in image:
            return False
        number = number_of(region, image)
        if number is None:
            return False
        self._known.setdefault((region, image[fields.SOURCE_ID]), {})[number] = image
        return True

    def of(self, region: str, source_id: str) -> tuple[Mapping[str, Image], Mapping[str, str]]:
        """Return the forced copies of an image in a region, by id.

        :returns: also the ids before them, which could not be used when they were made.
        """
        known = self._known.get((region, source_id))
        if not known:
            return {}, {}
        ids = {n: fields.forced_id(source_id, region, n) for n in range(1, max(known) + 1)}
        images = {ids[n]: image for n, image in known.items()}
        return images, {ids[n]: "id_taken" for n in ids if n not in known}
