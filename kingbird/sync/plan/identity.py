"""Checks the identity of referenced images.

An AMI names its kernel and ramdisk by id alone, and an id is free for anybody in a region where
it does not exist.  So an image that has the id counts only if its owner is the right one.  Pure.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from kingbird.states import Reason
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.image import MAX_FORCED_IDS, Image
from kingbird.sync.item import Item
from kingbird.sync.outcome import Outcome

#: Reasons why an image that nothing selected is not copied, though it may be in the target.
_NOT_COPIED = frozenset({Reason.NOT_OWNER, Reason.SOURCE_GONE, Reason.REGION_UNAVAILABLE})


@dataclass(frozen=True)
class Reference:
    """An image that another image refers to.

    :ivar resource: its id.
    :ivar region: the source region of the image that refers to it.
    :ivar origin: the image that has the id in that region, or ``None`` if none has.
    :ivar owner: the owner of the image that refers to it.
    :ivar project: the caller's project.
    """

    resource: str
    region: str
    origin: Image | None
    owner: str | None
    project: str

    def matches(self, image: Image) -> bool:
        """Return whether an image with this id in some region is the referenced image."""
        if self.origin is None:
            # Anybody can take the id, but only an admin can make an image public.
            return image.get("visibility") == "public" or image.get("owner") in self._trusted()
        return image.get("owner") == self.origin.get("owner") and self._has_its_data(image)

    def copy_in(self, region: str, images: Mapping[str, Image]) -> str | None:
        """Return the id under which the image is in a region, or ``None`` if it is not there.

        :param images: images of the region by id, forced copies among them.
        """
        same_id = images.get(self.resource)
        if same_id is not None and self.matches(same_id):
            return self.resource
        for n in range(1, MAX_FORCED_IDS + 1):
            image = images.get(fields.forced_id(self.resource, region, n))
            if image is not None and self._is_forced_copy(image):
                image_id: str = image["id"]
                return image_id
        return None

    def resolve(
        self, item: Item | None, source: Image | None, region: str, images: Mapping[str, Image]
    ) -> Item | None:
        """Return the item of the reference in a region.

        The reference can be used there if the item has a target resource.

        :param item: the item that the job has for the id in the region.
        :param source: the image that the item is about, as its source region shows it.
        :param images: images of the region by id.
        :returns: ``None`` if there is no item, and the id is free in the region.
        """
        if item and item.target_resource and source is not None and self.matches(source):
            return item
        copy_id = self.copy_in(region, images)
        if copy_id is not None:
            return self._ended(region, Outcome(Reason.IN_SYNC, target_resource=copy_id))
        if item and item.target_resource is None:
            return item
        if item is None and self.resource not in images:
            return None
        return self._ended(region, Outcome(self._conflict(source or images.get(self.resource))))

    def came_along(self, item: Item, images: Mapping[str, Image]) -> Item:
        """Return the item of an image that nothing selected, in sync if the image exists.

        :param images: images of the target region by id.
        """
        if item.outcome is None or item.outcome.reason not in _NOT_COPIED:
            return item
        copy_id = self.copy_in(item.target_region, images)
        if copy_id is None:
            return item
        why = f"The image can't be found in {item.source_region} any more"
        if item.outcome.reason == "not_owner":
            why = "The image belongs to another project"
        message = f"{why}; the one that is in {item.target_region} is used as it is"
        return dataclasses.replace(item, outcome=None).with_outcome(
            Outcome(Reason.IN_SYNC, message, copy_id)
        )

    def _ended(self, region: str, outcome: Outcome) -> Item:
        return Item(self.resource, self.region, region).with_outcome(outcome)

    def _trusted(self) -> tuple[str | None, str]:
        owner = self.owner if self.origin is None else self.origin.get("owner")
        return owner, self.project

    def _has_its_data(self, image: Image) -> bool:
        if self.origin is None:
            return True
        marks = fields.provenance(self.origin, self.region)
        return compare.compare_data(
            self.origin, image
        ) != compare.DIFFERENT or compare.is_made_from(marks, self.origin, image)

    def _is_forced_copy(self, image: Image) -> bool:
        return (
            image.get(fields.SOURCE_ID, self.resource) == self.resource
            and image.get("owner") in self._trusted()
            and self._has_its_data(image)
        )

    def _conflict(self, image: Image | None) -> str:
        same_owner = (
            image is not None
            and self.origin is not None
            and image.get("owner") == self.origin.get("owner")
        )
        return compare.DATA_CONFLICT if same_owner else compare.OWNER_CONFLICT
