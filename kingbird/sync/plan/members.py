"""The members of shared images, as far as a plan compares them."""

from collections.abc import Iterable, Iterator

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.sync import members
from kingbird.sync.image import Image
from kingbird.sync.members import MemberLists, Members
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.decide import TargetState
from kingbird.sync.request import Requester

#: Lists that are kept for images that are decided about later.
KEPT = 10_000


def members_of(images: ImageClient, image_id: str) -> Members:
    """List the members of a shared image, with one call.

    :raises kingbird.exception.KingbirdError: the region refuses, or does not answer.
    """
    return members.from_answer(images.list_members(image_id))


def wanted(
    source: Image, source_region: str, state: TargetState, caller: Requester
) -> Iterator[tuple[str, str]]:
    """Yield the images whose members have to be known to compare those of an image's copies.

    :param state: a target region, and what it has of the image.
    :returns: region and image id.
    """
    if source_region == state.region or not caller.owns(source):
        return
    copies = [
        image["id"] for image in state.images.values() if members.may_be_compared(source, image)
    ]
    if copies:
        yield source_region, source["id"]
        yield from ((state.region, image_id) for image_id in copies)


class MemberLookup:
    """Asks for members, once for each image and region.

    :ivar found: what is known.
    """

    def __init__(self, context: PlanContext) -> None:
        self.found: MemberLists = {}
        self._context = context

    def find(self, images: Iterable[tuple[str, str]]) -> None:
        """List the members of images, in all regions at the same time.

        :param images: region and image id.
        """
        asked = dict.fromkeys(images)
        known = {pair: self.found[pair] for pair in asked if pair in self.found}
        calls = {
            (region, image_id): self._context.calls.begin(
                region, members_of, self._context.regions[region], image_id
            )
            for region, image_id in asked
            if (region, image_id) not in known and region in self._context.regions
        }
        for pair, call in calls.items():
            try:
                known[pair] = self._context.calls.wait(pair[0], call)
            except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
                known[pair] = error
        self.found = known if len(self.found) > KEPT else {**self.found, **known}
