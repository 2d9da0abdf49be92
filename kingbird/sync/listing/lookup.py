"""Finds images in regions: all regions at once, ids by the hundred."""

from collections.abc import Iterable, Mapping
from concurrent import futures

from kingbird import exception
from kingbird.batching import batched
from kingbird.clients.glance import IDS_PER_CALL, ImageClient
from kingbird.sync.image import Image
from kingbird.sync.outcome import no_endpoint_message
from kingbird.sync.retry import Retry, Submit

ImagesById = dict[str, Image]


def lookup(images: ImageClient, ids: Iterable[str], submit: Submit, retry: Retry) -> ImagesById:
    """Find some images of one region by their ids, hidden ones too (design, section 6).

    What Glance does not list is asked for once more among the hidden images.

    :returns: the images by id.
    :raises kingbird.exception.RegionUnavailable: the region does not answer.
    """
    found: ImagesById = {}
    missing = sorted(set(ids))
    for hidden in (False, True):
        calls = [
            submit(images.region, _list_by_ids, images, chunk, hidden, retry)
            for chunk in batched(missing, IDS_PER_CALL)
        ]
        try:
            for call in calls:
                found.update((image["id"], image) for image in call.result())
        finally:
            # Where one fails, the others would only keep the region's workers from other jobs.
            for call in calls:
                call.cancel()
        missing = [image_id for image_id in missing if image_id not in found]
    return found


def _list_by_ids(images: ImageClient, ids: list[str], hidden: bool, retry: Retry) -> list[Image]:
    return list(retry(images.list_by_ids, ids, hidden=hidden))


def lookup_regions(
    wanted: Mapping[str, Iterable[str]],
    regions: Mapping[str, ImageClient],
    submit: Submit,
    retry: Retry,
) -> dict[str, ImagesById | exception.KingbirdError]:
    """Find images in several regions at the same time.

    :param wanted: ids by region; a region without an endpoint counts as unavailable.
    :returns: what each region answered, or what went wrong there.
    """
    if not wanted:
        return {}

    def look(region: str) -> ImagesById | exception.KingbirdError:
        if region not in regions:
            return exception.RegionUnavailable(no_endpoint_message(region))
        try:
            return lookup(regions[region], wanted[region], submit, retry)
        except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
            return error

    # These threads only wait for the regions' workers.
    with futures.ThreadPoolExecutor(max_workers=len(wanted)) as waiting:
        return dict(zip(wanted, waiting.map(look, wanted), strict=True))
