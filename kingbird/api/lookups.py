"""What a request names has to be there: regions in the catalog, images in their source regions."""

from collections.abc import Mapping

from kingbird import exception
from kingbird.api import validation
from kingbird.api.schemas.sync_jobs import SyncSet
from kingbird.batching import batched
from kingbird.clients.glance import IDS_PER_CALL, Images


def check_regions(sets: Mapping[str, SyncSet], known: Mapping[str, str]) -> None:
    """Go on only if all regions are known, and none is to be its own source.

    :param sets: the sets by their fields.
    :param known: the image endpoints of the caller's catalog, by region.
    :raises kingbird.exception.BadRequest: otherwise; the message names field and regions.
    """
    for field, each in sets.items():
        for name, regions in (("source", each["sources"]), ("target", each["targets"])):
            for region in regions:
                if region not in known:
                    raise exception.BadRequest(
                        f"{field}.{name} names a region without an image endpoint: "
                        f"{validation.shown(region)}; known are "
                        f"{validation.listed(sorted(known), 50) or 'none'}"
                    )
        if len(each["sources"]) == 1 and each["sources"][0] in each["targets"]:
            raise exception.BadRequest(
                f"{field}.target names {each['sources'][0]}, which is the only source"
            )


class _Region:
    """Asks one region for images, for each of them once, however many sets name it."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self._asked: set[str] = set()
        self._there: set[str] = set()

    def there(self, ids: list[str]) -> set[str]:
        """Return those of some images that are there for the caller, hidden or not."""
        unknown = [image_id for image_id in ids if image_id not in self._asked]
        self._asked.update(unknown)
        for hidden in (False, True):
            found: set[str] = set()
            for batch in batched(unknown, IDS_PER_CALL):
                found.update(image["id"] for image in self._list(batch, hidden))
            self._there |= found
            unknown = [image_id for image_id in unknown if image_id not in found]
        return self._there.intersection(ids)

    def _list(self, ids: list[str], hidden: bool) -> list[dict[str, str]]:
        region = self._images.region
        try:
            return self._images.list_by_ids(ids, hidden=hidden)
        except exception.RegionUnavailable as error:
            if error.status is None:
                # There was no answer; the message names the region already.
                raise
            raise exception.Unavailable(
                f"The image service of region {region} can't be asked at the moment: "
                f"{error.message}",
                retry_after=error.retry_after,
            ) from error
        except exception.ImageRefused as error:
            if error.status in (401, 403):
                raise exception.Forbidden(
                    f"The image service of region {region} refuses to list images: {error.message}"
                ) from error
            raise exception.Unavailable(
                f"The image service of region {region} can't be used: {error.message}"
            ) from error


def check_images(sets: Mapping[str, SyncSet], opened: Mapping[str, Images]) -> None:
    """Go on only if the caller sees each image in one of its sources.

    The first sources are asked first, and a later one only for what they don't have.

    :param sets: the sets by their fields.
    :param opened: at least the source regions, opened for the caller.
    :raises kingbird.exception.NotFound: otherwise; the message names the first images and
        tells how many there are.
    :raises kingbird.exception.Unavailable: a region does not answer; the message names it.
    """
    regions = {name: _Region(images) for name, images in opened.items()}
    missing: dict[str, str] = {}
    for field, each in sets.items():
        left = each["resources"]
        for source in each["sources"]:
            there = regions[source].there(left)
            left = [image_id for image_id in left if image_id not in there]
        where = " or ".join(each["sources"])
        missing.update({image_id: f"{image_id} in {where} ({field})" for image_id in left})
    if missing:
        raise exception.NotFound(
            f"{len(missing)} image(s) can't be found: {validation.listed(missing.values(), 5)}"
        )
