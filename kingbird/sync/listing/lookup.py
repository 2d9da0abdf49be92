"""Finds images by their ids: all regions at once, ids by the hundred."""

from collections.abc import Iterable, Mapping
from concurrent import futures

from kingbird import exception
from kingbird.batching import batched
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import IDS_PER_CALL
from kingbird.sync.image import Image
from kingbird.sync.listing.calls import INTERVAL, RegionCalls
from kingbird.sync.outcome import NO_ENDPOINT

ImagesById = dict[str, Image]
#: The images that each region has, or its error.
RegionResults = dict[str, ImagesById | exception.KingbirdError]


class _RegionLookup:
    """The calls to one region: for visible images, then for hidden ones that are still missing.

    :param at_once: ask for both at the same time.
    """

    def __init__(
        self, images: ImageClient, ids: Iterable[str], calls: RegionCalls, *, at_once: bool
    ):
        self.found: ImagesById = {}
        self.running: set[futures.Future[list[Image]]] = set()
        self._images = images
        self._missing = sorted(set(ids))
        self._calls = calls
        self._hidden = False
        self._begin_calls()
        if at_once:
            self._hidden = True
            self._begin_calls()

    def _begin_calls(self) -> None:
        region, list_by_ids = self._images.region, self._images.list_by_ids
        for chunk in batched(self._missing, IDS_PER_CALL):
            self.running.add(self._calls.begin(region, list_by_ids, chunk, hidden=self._hidden))

    def collect(self) -> None:
        """Take the images of calls that are done, and ask for hidden ones after the last call.

        :raises kingbird.sync.listing.calls.RegionLags: other regions need not wait for it.
        """
        done = {call for call in self.running if call.done()}
        for call in done:
            images = self._calls.result(self._images.region, call)
            self.found.update((image["id"], image) for image in images)
        self.running -= done
        if self.running:
            self._calls.check(self._images.region)
        elif not self._hidden:
            self._hidden = True
            self._missing = [image_id for image_id in self._missing if image_id not in self.found]
            self._begin_calls()

    def cancel(self) -> None:
        """Leave the region's workers to other jobs."""
        for call in self.running:
            call.cancel()
        self.running.clear()


def lookup_regions(
    wanted: Mapping[str, Iterable[str]],
    regions: Mapping[str, ImageClient],
    calls: RegionCalls,
    *,
    at_once: bool = False,
) -> RegionResults:
    """Find images in several regions at the same time, each at its own pace.

    :param wanted: ids by region; a region without an endpoint counts as unavailable.
    :param at_once: ask for visible and hidden images at the same time: more calls, less waiting.
    :returns: by region the images, hidden ones included, or the error of the first failed call.
    """
    lookups = {
        region: _RegionLookup(regions[region], ids, calls, at_once=at_once)
        for region, ids in wanted.items()
        if region in regions
    }
    results: RegionResults = {
        region: exception.RegionUnavailable(NO_ENDPOINT.format(region))
        for region in wanted.keys() - regions.keys()
    }
    try:
        while running := [call for one in lookups.values() for call in one.running]:
            futures.wait(running, INTERVAL, futures.FIRST_COMPLETED)
            for region, one in list(lookups.items()):
                try:
                    one.collect()
                except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
                    results[region] = error
                    lookups.pop(region).cancel()
    finally:
        for one in lookups.values():
            one.cancel()
    return results | {region: one.found for region, one in lookups.items()}
