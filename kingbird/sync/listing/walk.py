"""Walks through a region's images in the order of their ids.

Glance pages by a marker, the id after which a page begins.  The next page is fetched while the
current page is used, and is not parsed before it is needed.
"""

from collections.abc import Iterator, Sequence
from concurrent import futures
from itertools import pairwise

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import (
    PAGE_BYTES,
    PAGE_SIZE,
    SHRINK,
    Image,
    list_query,
    size_of,
    with_ids,
)
from kingbird.sync.listing.calls import RegionCalls

Page = list[Image]

#: Glance's answers to a marker that was deleted, or that the caller may not see any more.
_MARKER_GONE = frozenset({400, 403, 404})
#: Restarts of a walk without progress before it is given up.
RESTARTS = 3
#: Pages between two beginnings of a walk.  No Glance has so many.
MAX_PAGES = 100_000


class UnsortedListing(Exception):
    """The region's ids don't ascend, as in a Glance with some ids in upper case."""


class ImageWalk:
    """One walk: through the visible images of a region, or through the hidden ones.

    Iterating yields pages of images whose ids ascend, none of them twice.  It raises
    :class:`UnsortedListing`, the errors of :class:`kingbird.clients.glance.ImageClient` and those
    of :meth:`kingbird.sync.listing.calls.RegionCalls.wait`.

    :param filters: parameters that Glance is to filter by; see
        :func:`kingbird.clients.image_lists.list_query`.
    :param ordered: whether the ids have to ascend; otherwise an image may come twice.
    :ivar is_truncated: whether a page was too short, as Glance's policy may take images out of
        it; from then on images may be missing.
    """

    def __init__(
        self,
        images: ImageClient,
        *,
        hidden: bool,
        ordered: bool,
        filters: Sequence[tuple[str, str]],
        calls: RegionCalls,
    ) -> None:
        self.region = images.region
        self.is_truncated = False
        self._images = images
        self._hidden = hidden
        self._ordered = ordered
        self._filters = filters
        self._calls = calls
        self._last = ""
        self._longest = 0
        self._restarts = 0
        self._limit = PAGE_SIZE
        #: The markers of pages since the walk began.
        self._markers: set[str] = set()
        self._prefetched: futures.Future[bytes] | None = self._prefetch(None)

    def _prefetch(self, marker: str | None) -> "futures.Future[bytes]":
        self._marker = marker
        query = list_query(
            hidden=self._hidden, marker=marker, filters=self._filters, limit=self._limit
        )
        return self._calls.begin(self.region, self._images.fetch_page, query, limit=self._limit)

    def stop(self) -> None:
        """End the walk."""
        if self._prefetched is not None:
            self._prefetched.cancel()
            self._prefetched = None

    def __iter__(self) -> Iterator[Page]:
        earlier: list[str] = []
        while self._prefetched is not None:
            body = self._await_page(self._prefetched, earlier)
            marker = self._images.next_marker(body)
            self._note_marker(marker)
            if self._limit < PAGE_SIZE and size_of(body) * SHRINK <= PAGE_BYTES:
                # The large images were few.
                self._limit *= SHRINK
            self._prefetched = self._prefetch(marker) if marker else None
            page = self._images.parse_page(body)
            self._calls.listed[self.region] += len(page)
            del body
            self._notice_short(page, more=marker is not None)
            page = with_ids(page)
            earlier = [image["id"] for image in page] or earlier
            if self._ordered:
                page = self._skip_seen(page)
            if page:
                yield page
            # The next page is parsed before the name is bound anew.
            del page

    def _await_page(self, ahead: "futures.Future[bytes]", earlier: list[str]) -> bytes:
        """Wait for a page; if it is too large, ask for a shorter one.

        If its marker is gone, begin after an earlier image.

        Any visible image can be the marker, so the steps back grow until one is found.  Images
        that were seen are skipped.

        :param earlier: ids of the page before, the marker last.
        """
        back = 1
        while True:
            try:
                body: bytes = self._calls.wait(self.region, ahead)
                return body
            except exception.AnswerTooLarge:
                self._limit //= SHRINK
                if not self._limit:
                    raise
                # Now a page of this length is no short one.
                self._longest = 0
                ahead = self._prefetch(self._marker)
                continue
            except exception.ImageRequestRejected as error:
                if error.status not in _MARKER_GONE or not earlier:
                    raise
                if self._restarts == RESTARTS:
                    # The markers are not the reason for the refusals.
                    raise
            back *= 2
            if back > 2 * len(earlier):
                self._restarts += 1
                self._markers.clear()
                earlier = []
                ahead = self._prefetch(None)
            else:
                ahead = self._prefetch(earlier[-min(back, len(earlier))])

    def _note_marker(self, marker: str | None) -> None:
        """Note where the next page begins.

        :raises kingbird.exception.RegionUnavailable: the list does not come to an end.
        """
        if marker is None:
            return
        if marker in self._markers or len(self._markers) == MAX_PAGES:
            raise self._images.no_progress()
        self._markers.add(marker)

    def _notice_short(self, page: Page, *, more: bool) -> None:
        # The first page sets the length, as a Glance may cap pages lower than asked.
        if more and len(page) < self._longest:
            self.is_truncated = True
        self._longest = max(self._longest, len(page))

    def _skip_seen(self, page: Page) -> Page:
        """Return the images of a page that were not seen.

        :raises UnsortedListing: the ids don't ascend.
        """
        keys = [image["id"].lower() for image in page]
        if any(a >= b for a, b in pairwise(keys)):
            raise UnsortedListing(self.region)
        if keys and keys[0] <= self._last:
            page = [image for image, key in zip(page, keys, strict=True) if key > self._last]
        if keys and keys[-1] > self._last:
            self._last = keys[-1]
            self._restarts = 0
        return page
