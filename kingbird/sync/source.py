"""Chooses which copy of an image is the source (design, section 6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kingbird.sync.image import Image, has_data


@dataclass(frozen=True)
class Caller:
    """Whose rights a job runs with.

    :ivar project_id: the project, as Glance writes owners.
    :ivar is_admin: whether Glance takes the caller for an admin.
    """

    project_id: str
    is_admin: bool = False

    def owns(self, image: Image) -> bool:
        """Whether an image is the caller's to copy as it is."""
        return self.is_admin or image.get("owner") == self.project_id


def choose(
    copies: Mapping[str, Image], order: Sequence[str], caller: Caller
) -> tuple[str, Image] | None:
    """Choose the source among an image's copies.

    A copy of another owner is another image: where the caller's project has one, only its
    copies count.  Then data before no data, the order in which the request names its sources,
    the oldest, and the region's name.

    :param copies: the image by region.
    :param order: the source regions that the request names; ``*`` names none.
    :returns: region and image, or ``None`` when there is no copy.
    """
    own = {
        region: image
        for region, image in copies.items()
        if image.get("owner") == caller.project_id
    }
    candidates = own if own and not caller.is_admin else copies
    if not candidates:
        return None
    return min(
        candidates.items(),
        key=lambda copy: (
            not has_data(copy[1]),
            order.index(copy[0]) if copy[0] in order else len(order),
            copy[1].get("created_at") or "",
            copy[0],
        ),
    )
