"""Chooses an image's source among its copies.  Pure: no I/O, no state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kingbird.sync.image import Image, has_data, home_of, is_marked

#: An image, with its region.
Copy = tuple[str, Image]


@dataclass(frozen=True)
class SourceOrder:
    """The order in which the copies of an image are its source.

    :ivar preferred: the source regions in the request's order; none for ``*``.
    :ivar own_project: the project whose copies come before all others; ``None`` for an admin.
    """

    preferred: Sequence[str]
    own_project: str | None

    def rightful(self, copies: Mapping[str, Image]) -> Mapping[str, Image]:
        """Return the copies of the owner who has the id.

        Anybody can take an id in a region where it is free.  Nobody can be the first afterwards,
        so the owner of the oldest copy has it.

        :param copies: all copies in the source regions, by region.
        """
        owners = {image.get("owner") for image in copies.values()}
        if len(owners) <= 1:
            return copies
        owner = self.own_project
        if owner is None or owner not in owners:
            oldest = min(copies, key=lambda name: (_age(copies[name]), self._rank(name), name))
            owner = copies[oldest].get("owner")
        return {region: image for region, image in copies.items() if image.get("owner") == owner}

    def choose(self, copies: Mapping[str, Image]) -> Copy | None:
        """Choose the source among the copies of one owner.

        The order is: a hidden orphan last, data before no data, the request's order of sources,
        the oldest, an original before copies, the region's name.  Glance tells the age in seconds,
        and a rule makes copies in the second in which the original was made.

        :returns: region and image, or ``None`` if there is no copy.
        """
        if not copies:
            return None
        with_data = [copy for copy in copies.items() if has_data(copy[1])]
        if len(with_data) == 1 and not is_marked(with_data[0][1], with_data[0][0]):
            # Where only records are made, nearly all images are so: nothing else is looked at.
            return with_data[0]
        return min(
            copies.items(),
            key=lambda copy: (
                is_marked(copy[1], copy[0]),
                not has_data(copy[1]),
                self._rank(copy[0]),
                _age(copy[1]),
                home_of(copy[1], copy[0]) is not None,
                copy[0],
            ),
        )

    def may_precede(self, region: str, chosen: Copy) -> bool:
        """Return whether a copy in another source region, if there is one, may be the source.

        :param region: the other region, of whose copy nothing is known.
        :param chosen: the source among the known copies.
        """
        if is_marked(chosen[1], chosen[0]) or not has_data(chosen[1]):
            return True
        return self._rank(region) <= self._rank(chosen[0])

    def _rank(self, region: str) -> int:
        if region in self.preferred:
            return self.preferred.index(region)
        return len(self.preferred)


def _age(image: Image) -> tuple[bool, str]:
    """Return a key by which the oldest image comes first, and one of unknown age last."""
    created = image.get("created_at")
    return not created, created or ""
