"""Asks targets by id for images that their lists left out.

The list of a target may have the images of one project only.  An image that is not in it may be
another project's, to whom the id belongs there.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from kingbird import exception
from kingbird.sync.image import Image
from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.listing.diff import Copies
from kingbird.sync.listing.lookup import lookup_regions
from kingbird.sync.listing.merge import MergedPage, join_pages
from kingbird.sync.listing.regions import RegionListings
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.targets import is_forced_copy
from kingbird.sync.request import WildcardScope

#: Ids for which a page does not wait for the next one.
GATHERED = 500


class MissingCopies:
    """Completes the pages of a walk.

    :param listings: the lists of the regions; a region that does not answer is given up there.
    :param calls: the calls of the walk.
    :param known_targets: returns the targets that have an item for an image, or need none.
    :param needs_item: returns whether an image with some copies gets an item in a target if it is
        not in sync.
    """

    def __init__(
        self,
        context: PlanContext,
        scopes: Sequence[WildcardScope],
        listings: RegionListings,
        *,
        calls: RegionCalls,
        known_targets: Callable[[str], Collection[str]],
        needs_item: Callable[[Copies, str], bool],
    ) -> None:
        self._context = context
        self._scopes = scopes
        self._listings = listings
        self._calls = calls
        self._known_targets = known_targets
        self._needs_item = needs_item
        self._given_up: set[str] = set()
        #: The last id of the page before.
        self._passed = ""
        #: The targets whose lists leave images out.
        self._targets = [
            name for name in listings.owners if any(name in one.targets for one in scopes)
        ]

    def gather(self, pages: Iterator[MergedPage]) -> Iterator[MergedPage]:
        """Join small pages if missing images may be asked for: a call takes a hundred ids."""
        return join_pages(pages, GATHERED, self._listings.advance) if self._targets else pages

    def add_to(self, page: MergedPage) -> None:
        """Add the images that targets have under the ids of selected images.

        This takes two list calls for up to 100 images, and none if nothing is missing.  The page
        loses the images of a target that does not answer: its gap begins before them.
        """
        before, self._passed = self._passed, page.ids[-1]
        for region in self._given_up:
            # Its list may have had images beyond the gap already.
            page.remove(region)
        wanted = self._missing(page)
        if not wanted:
            return
        answers = lookup_regions(
            wanted, self._context.regions, self._calls, at_once=self._context.at_once
        )
        for region, answer in answers.items():
            if isinstance(answer, exception.KingbirdError):
                self._listings.give_up(region, answer, before)
                self._given_up.add(region)
                page.remove(region)
            else:
                page.images[region].update((one.lower(), image) for one, image in answer.items())

    def _missing(self, page: MergedPage) -> dict[str, set[str]]:
        """Return the ids of images that seem to be missing, by target."""
        ids = set(page.ids)
        lacking = {
            name: ids - page.images[name].keys() for name in self._targets if name in page.images
        }
        wanted: dict[str, set[str]] = {}
        for image_id in set().union(*lacking.values()):
            copies = _copies_of(page, image_id)
            left_out = {*self._listings.unknown_regions(image_id), *self._known_targets(image_id)}
            for scope in self._scopes:
                chosen = scope.choose_source(copies)
                if chosen is None or not scope.creates(chosen[1]):
                    continue
                for target in scope.targets:
                    if (
                        image_id in lacking.get(target, ())
                        and target not in left_out
                        and self._needs_item(copies, target)
                    ):
                        wanted.setdefault(target, set()).add(chosen[1]["id"])
        return wanted


def _copies_of(page: MergedPage, image_id: str) -> Mapping[str, Image]:
    return {
        region: images[image_id]
        for region, images in page.images.items()
        if image_id in images and not is_forced_copy(region, images[image_id])
    }
