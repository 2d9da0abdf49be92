"""Merges the sorted lists of regions by id.  Memory holds one page of each region.

Pure: iterators in, an iterator out.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kingbird.sync.image import Image

Page = Sequence[Image]


@dataclass(frozen=True)
class MergedPage:
    """A stretch of ids.

    :ivar ids: in lower case, in order.
    :ivar images: the images of each region, by id in lower case.
    """

    ids: list[str]
    images: dict[str, dict[str, Image]]

    def append(self, page: "MergedPage") -> None:
        """Append the page that follows this one."""
        self.ids.extend(page.ids)
        for region, images in page.images.items():
            self.images[region].update(images)

    def remove(self, region: str) -> None:
        """Remove the images of a region, and the ids that no other region has."""
        self.images[region].clear()
        self.ids[:] = [
            one for one in self.ids if any(one in some for some in self.images.values())
        ]


class _Stream:
    """One sorted stream of pages, with the rest of its current page."""

    def __init__(self, region: str, pages: Iterable[Page]) -> None:
        self.region = region
        self._pages = iter(pages)
        self._page: Page = ()
        self._keys: list[str] = []
        self._begin = 0

    def fill(self) -> bool:
        """Get the next page if the current page is used up.

        :returns: whether there are images left.
        """
        while self._begin == len(self._keys):
            # The used page is dropped before the next is parsed.
            self._page, self._keys, self._begin = (), [], 0
            page = next(self._pages, None)
            if page is None:
                return False
            self._page = page
            self._keys = [image["id"].lower() for image in page]
        return True

    @property
    def last(self) -> str:
        return self._keys[-1]

    def take(self, horizon: str) -> Iterable[tuple[str, Image]]:
        """Remove and return the images up to an id."""
        begin, end = self._begin, bisect_right(self._keys, horizon, self._begin)
        self._begin = end
        if begin == 0 and end == len(self._keys):
            return zip(self._keys, self._page, strict=True)
        return zip(self._keys[begin:end], self._page[begin:end], strict=True)


def merge_by_id(streams: Mapping[str, Iterable[Iterable[Page]]]) -> Iterator[MergedPage]:
    """Merge regions by id, a stretch of ids at a time.

    :param streams: for each region any number of iterators of pages, each sorted by id in
        lower case; together they hold all images of the region.
    """
    live = [_Stream(region, pages) for region, each in streams.items() for pages in each]
    while True:
        live = [stream for stream in live if stream.fill()]
        if not live:
            return
        # All streams are known up to the first end of a page.
        horizon = min(stream.last for stream in live)
        images: dict[str, dict[str, Image]] = {region: {} for region in streams}
        for stream in live:
            images[stream.region].update(stream.take(horizon))
        yield MergedPage(sorted(set().union(*images.values())), images)
        del images


def join_pages(
    pages: Iterable[MergedPage], size: int, advance: Callable[[str], None]
) -> Iterator[MergedPage]:
    """Join pages that follow each other until they have some number of ids.

    The lists of regions end their pages at different ids, which makes many small pages.  A page
    that is large enough is yielded at once, so less than ``size`` ids wait for the next one.

    :param advance: called with the last id of each page before the next one is read: a region that
        fails meanwhile is known up to it.
    """
    joined: MergedPage | None = None
    for page in pages:
        if joined is None:
            joined = page
        else:
            joined.append(page)
        advance(page.ids[-1])
        del page
        if len(joined.ids) >= size:
            yield joined
            # The next pages are parsed before the name is bound anew.
            joined = None
    if joined is not None:
        yield joined
