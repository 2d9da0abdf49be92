"""Lists regions, all at the same time, and knows the gaps of the lists.

An image in a gap must not look missing.  A region that fails, lags or leaves images out of its
list is known up to some id only.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from kingbird import exception, lenient_json
from kingbird.clients.glance import ImageClient
from kingbird.states import Reason
from kingbird.sync.image import FORCED
from kingbird.sync.listing.calls import RegionCalls, RegionLags
from kingbird.sync.listing.walk import ImageWalk, Page, UnsortedListing
from kingbird.sync.outcome import Outcome, no_endpoint, region_failure

#: Images in one page of a region that is sorted in memory.
SORTED_PAGE = 1000
#: Bytes of the images of a region that is sorted in memory.
SORTED_BYTES = 1 << 29


class RegionListings:
    """The lists of several regions.

    :param regions: the images of each region to list; ``None`` for one without an endpoint.
    :param calls: the calls to the regions; a region that lags is given up.
    :param forced_regions: regions whose forced copies are listed first, before any page is given.
    :param note_forced: called with a region and the images of each such page.
    :param filters: filters for Glance by region; a region without one is listed completely.
    :param narrowed: regions whose filters leave out what is not selected.
    :param owners: the project whose images alone are listed, by region; ``filters`` say so too.
    :param unsorted_regions: regions known to be unsorted: they are sorted here, as compact tuples.
    :ivar narrowed: regions whose list leaves out what is not selected.
    :ivar owners: the project whose images alone are listed, by region.
    :ivar problems: the reasons why regions could not be listed completely.
    :ivar lagging: regions given up because they are slow or unsorted.
    :ivar covered_to: the id up to which a region with a problem, or that lags, is known.
    """

    def __init__(
        self,
        regions: Mapping[str, ImageClient | None],
        *,
        calls: RegionCalls,
        forced_regions: Iterable[str] = (),
        note_forced: Callable[[str, Page], None] = lambda region, page: None,
        filters: Mapping[str, Sequence[tuple[str, str]]] = MappingProxyType({}),
        narrowed: frozenset[str] = frozenset(),
        owners: Mapping[str, str] = MappingProxyType({}),
        unsorted_regions: Iterable[str] = (),
    ) -> None:
        self.narrowed = narrowed
        self.owners = owners
        self.problems: dict[str, Outcome] = {}
        self.lagging: set[str] = set()
        self.covered_to: dict[str, str] = {}
        self.unsorted: set[str] = set(unsorted_regions)
        self._note_forced = note_forced
        self._clients = {name: images for name, images in regions.items() if images is not None}
        self._calls = calls
        self._passed = ""
        self._given_up: set[str] = set()
        self._forced_in = {
            region: self._walk(region, False, self._forced_filters(region))
            for region in forced_regions
            if region in self._clients
        }
        self._walks = {
            region: [
                self._walk(region, hidden, filters.get(region, ())) for hidden in (False, True)
            ]
            for region in self._clients
        }
        for region in regions.keys() - self._clients.keys():
            self._mark(region, no_endpoint(region))

    def _walk(self, region: str, hidden: bool, filters: Sequence[tuple[str, str]]) -> ImageWalk:
        return ImageWalk(
            self._clients[region],
            hidden=hidden,
            ordered=region not in self.unsorted,
            filters=filters,
            calls=self._calls,
        )

    def _forced_filters(self, region: str) -> Sequence[tuple[str, str]]:
        owner = self.owners.get(region)
        return [(FORCED, "true"), *([("owner", owner)] if owner else [])]

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
        """Note that all images up to an id are known."""
        self._passed = image_id

    def _pages(self, region: str, walk: ImageWalk) -> Iterator[Page]:
        try:
            yield from self._all_pages(region, walk)
        except UnsortedListing:
            self.unsorted.add(region)
            self._give_up(region, None)
        except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
            self.give_up(region, error)

    def _all_pages(self, region: str, walk: ImageWalk) -> Iterator[Page]:
        # Only the first of the two walks waits for them.
        for page in self._forced_in.pop(region, ()):
            self._note_forced(region, page)
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

    def _mark(self, region: str, problem: Outcome | None, known_to: str | None = None) -> None:
        end = self._passed if known_to is None else known_to
        self.covered_to[region] = min(end, self.covered_to.get(region, end))
        if problem is None:
            self.lagging.add(region)
        else:
            self.problems[region] = problem

    def give_up(
        self, region: str, error: exception.KingbirdError, known_to: str | None = None
    ) -> None:
        """End the lists of a region that fails or lags.

        :param known_to: the id after which its gap begins; by default the last one that is known.
        """
        problem = None if isinstance(error, RegionLags) else region_failure(error)
        self._give_up(region, problem, known_to)

    def _give_up(self, region: str, problem: Outcome | None, known_to: str | None = None) -> None:
        self._mark(region, problem, known_to)
        self._given_up.add(region)
        for walk in self._walks[region]:
            walk.stop()


def _in_order(walk: ImageWalk) -> Iterator[Page]:
    """Sort a walk in memory, as pairs of id and JSON, which take less memory than images.

    :raises kingbird.exception.RegionUnavailable: the images take too much memory.
    """
    bodies: dict[str, bytes] = {}
    size = 0
    for page in walk:
        new = {image["id"].lower(): lenient_json.dumps(image) for image in page}
        size += sum(map(len, new.values()))
        if size > SORTED_BYTES:
            raise exception.RegionUnavailable(
                f"Region {walk.region} does not list its images in the order of their ids, and "
                "has too many to be sorted"
            )
        bodies |= new
    rows = sorted(bodies.items())
    for begin in range(0, len(rows), SORTED_PAGE):
        yield [lenient_json.loads(body) for _, body in rows[begin : begin + SORTED_PAGE]]
