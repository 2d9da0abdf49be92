"""Finds images by their ids: all regions at once, ids by the hundred."""

from collections.abc import Iterable, Mapping
from concurrent import futures

from kingbird import exception
from kingbird.batching import batched
from kingbird.clients.glance import IDS_PER_CALL, ImageClient
from kingbird.sync.image import Image
from kingbird.sync.outcome import NO_ENDPOINT
from kingbird.sync.retry import Retry, Submit

ImagesById = dict[str, Image]
#: The images that each region has, or its error.
RegionResults = dict[str, ImagesById | exception.KingbirdError]


class _RegionLookup:
    """The calls to one region: for visible images, then for hidden ones that are still missing."""

    def __init__(self, images: ImageClient, ids: Iterable[str], submit: Submit, retry: Retry):
        self.found: ImagesById = {}
        self.calls: set[futures.Future[list[Image]]] = set()
        self._images = images
        self._missing = sorted(set(ids))
        self._submit = submit
        self._retry = retry
        self._hidden = False
        self._submit_calls()

    def _submit_calls(self) -> None:
        for chunk in batched(self._missing, IDS_PER_CALL):
            self.calls.add(self._submit(self._images.region, self._list, chunk, self._hidden))

    def _list(self, ids: list[str], hidden: bool) -> list[Image]:
        return list(self._retry(self._images.list_by_ids, ids, hidden=hidden))

    def collect(self, call: "futures.Future[list[Image]]") -> None:
        """Take the images of a call that is done, and ask for hidden ones after the last call."""
        self.calls.remove(call)
        self.found.update((image["id"], image) for image in call.result())
        if not self.calls and not self._hidden:
            self._hidden = True
            self._missing = [image_id for image_id in self._missing if image_id not in self.found]
            self._submit_calls()

    def cancel(self) -> None:
        """Leave the region's workers to other jobs."""
        for call in self.calls:
            call.cancel()
        self.calls.clear()


def lookup_regions(
    wanted: Mapping[str, Iterable[str]],
    regions: Mapping[str, ImageClient],
    submit: Submit,
    retry: Retry,
) -> RegionResults:
    """Find images in several regions at the same time, each at its own pace.

    :param wanted: ids by region; a region without an endpoint counts as unavailable.
    :returns: by region the images, hidden ones included, or the error of the first failed call.
    """
    lookups = {
        region: _RegionLookup(regions[region], ids, submit, retry)
        for region, ids in wanted.items()
        if region in regions
    }
    errors: RegionResults = {
        region: exception.RegionUnavailable(NO_ENDPOINT.format(region))
        for region in wanted.keys() - regions.keys()
    }
    try:
        while calls := {call: region for region, one in lookups.items() for call in one.calls}:
            for call in futures.wait(calls, return_when=futures.FIRST_COMPLETED).done:
                region = calls[call]
                if region in errors:
                    continue
                try:
                    lookups[region].collect(call)
                except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
                    errors[region] = error
                    lookups[region].cancel()
    finally:
        for one in lookups.values():
            one.cancel()
    return {
        region: errors[region] if region in errors else lookups[region].found for region in wanted
    }
