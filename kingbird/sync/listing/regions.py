"""Lists regions, all at the same time, and knows the gaps of the lists.

An image in a gap must not look missing.  A region that fails, lags or leaves images out of its
list is known up to some id only.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent import futures
from typing import Any

from kingbird import exception, lenient_json
from kingbird.clients.glance import ImageClient
from kingbird.states import Reason
from kingbird.sync.image import Image
from kingbird.sync.listing.walk import ImageWalk, Page, UnsortedListing
from kingbird.sync.outcome import Outcome, no_endpoint, region_failure
from kingbird.sync.retry import Retry, Submit

#: A region lags if a page takes so many times as long as the slowest page elsewhere.
LAG_FACTOR = 5
#: Images in one page of a region that is sorted in memory.
SORTED_PAGE = 1000


class _RegionLags(Exception):
    """Ends the list of a region that others need not wait for."""


class RegionListings:
    """The lists of several regions.

    :param regions: the images of each region to list; ``None`` for one without an endpoint.
    :param forced_regions: regions whose forced copies are listed first, before any page is given.
    :param filters: filters for Glance by region; a region without one is listed completely.
    :param slow_region_timeout: seconds after which a region much slower than the others is
        given up; ``None`` waits for all.
    :param unsorted_regions: regions known to be unsorted: they are sorted here, as compact tuples.
    :ivar problems: the reasons why regions could not be listed completely.
    :ivar lagging: regions given up because they are slow or unsorted.
    :ivar covered_to: the id up to which a region with a problem, or that lags, is known.
    :ivar forced: the forced copies by region and id.
    """

    def __init__(
        self,
        regions: Mapping[str, ImageClient | None],
        *,
        submit: Submit,
        retry: Retry,
        forced_regions: Iterable[str] = (),
        filters: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        slow_region_timeout: float | None = None,
        unsorted_regions: Iterable[str] = (),
    ) -> None:
        self.problems: dict[str, Outcome] = {}
        self.lagging: set[str] = set()
        self.covered_to: dict[str, str] = {}
        self.unsorted: set[str] = set(unsorted_regions)
        self.forced: dict[str, dict[str, Image]] = {region: {} for region in regions}
        clients = {name: images for name, images in regions.items() if images is not None}
        self._passed = ""
        self._given_up: set[str] = set()
        self._slow_region_timeout = slow_region_timeout if len(clients) > 2 else None
        self._forced_in = {
            region: submit(region, retry, clients[region].list_forced)
            for region in forced_regions
            if region in clients
        }
        self._walks = {
            region: [
                ImageWalk(
                    images,
                    hidden=hidden,
                    ordered=region not in self.unsorted,
                    filters=(filters or {}).get(region, ()),
                    submit=submit,
                    retry=retry,
                    wait=self._wait_for,
                )
                for hidden in (False, True)
            ]
            for region, images in clients.items()
        }
        for region in regions.keys() - clients.keys():
            self._mark(region, no_endpoint(region))

    def streams(self) -> dict[str, list[Iterator[Page]]]:
        """Return the pages of each region: of its visible and of its hidden images.

        Each ends without an error where the region's gap begins.
        """
        return {
            region: [self._pages(region, walk) for walk in walks]
            for region, walks in self._walks.items()
        }

    def unknown_regions(self, image_id: str) -> Collection[str]:
        """Return the regions with a gap that may hold an image."""
        if not self.covered_to:
            return ()
        return {region for region, end in self.covered_to.items() if image_id > end}

    def advance(self, image_id: str) -> None:
        """Note that all images up to an id have been compared."""
        self._passed = image_id

    def _pages(self, region: str, walk: ImageWalk) -> Iterator[Page]:
        try:
            yield from self._all_pages(region, walk)
        except (_RegionLags, UnsortedListing) as reason:
            if isinstance(reason, UnsortedListing):
                self.unsorted.add(region)
            self._give_up(region, None)
        except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
            self._give_up(region, region_failure(error))

    def _all_pages(self, region: str, walk: ImageWalk) -> Iterator[Page]:
        if region in self._forced_in and region not in self._given_up:
            copies = self._wait(self._forced_in[region], region, walk.requested_at)
            self.forced[region].update((image["id"], image) for image in copies)
            # Only the first of the two walks waits.
            self._forced_in.pop(region, None)
        pages = _in_order(walk) if region in self.unsorted else walk
        for page in pages:
            if region in self._given_up:
                # The region's other walk was given up.
                return
            self._note_short(region, walk)
            yield page
            del page
        # The last pages may have been empty, and were not yielded.
        self._note_short(region, walk)

    def _note_short(self, region: str, walk: ImageWalk) -> None:
        if walk.is_truncated and region not in self.problems:
            self._mark(region, Outcome(Reason.LISTING_INCOMPLETE))

    def _mark(self, region: str, problem: Outcome | None) -> None:
        self.covered_to.setdefault(region, self._passed)
        if problem is None:
            self.lagging.add(region)
        else:
            self.problems[region] = problem

    def _give_up(self, region: str, problem: Outcome | None) -> None:
        self._mark(region, problem)
        self._given_up.add(region)
        for walk in self._walks[region]:
            walk.stop()

    def _wait_for(self, walk: ImageWalk, page: "futures.Future[bytes]") -> bytes:
        body: bytes = self._wait(page, walk.region, walk.requested_at)
        return body

    def _wait(self, future: "futures.Future[Any]", region: str, since: float) -> Any:
        """Wait for a region's answer.

        :raises _RegionLags: other regions would have to wait too long.
        """
        while True:
            limit = self._limit(region)
            try:
                left = None if limit is None else since + limit - time.monotonic()
                return future.result(left if left is None else max(left, 0.0))
            except futures.TimeoutError:
                if future.done():
                    return future.result()
                now = self._limit(region)
                if (
                    now is not None
                    and time.monotonic() - since >= now
                    and self._others_wait(region)
                ):
                    raise _RegionLags(region) from None
                # Other regions are about to answer, which changes the limit.
                time.sleep(0.01)

    def _limit(self, region: str) -> float | None:
        """Return the seconds that a page of a region may take at the moment."""
        if self._slow_region_timeout is None:
            return None
        times = [
            walk.slowest
            for other, walks in self._walks.items()
            for walk in walks
            if other != region and walk.slowest is not None
        ]
        return max([self._slow_region_timeout, *(LAG_FACTOR * one for one in times)])

    def _others_wait(self, region: str) -> bool:
        """Return whether most other regions have answered.  If all are slow, none lags."""
        others = [name for name in self._walks if name != region and name not in self.lagging]
        answered = [
            name for name in others if any(w.slowest is not None for w in self._walks[name])
        ]
        return 2 * len(answered) > len(others)


def _in_order(walk: ImageWalk) -> Iterator[Page]:
    """Sort a walk in memory, as pairs of id and JSON, which take less memory than images."""
    rows = sorted(
        {image["id"].lower(): lenient_json.dumps(image) for page in walk for image in page}.items()
    )
    for begin in range(0, len(rows), SORTED_PAGE):
        yield [lenient_json.loads(body) for _, body in rows[begin : begin + SORTED_PAGE]]
