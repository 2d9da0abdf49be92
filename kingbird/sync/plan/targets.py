"""Finds the copies of images in their target regions.

A copy has the image's own id, or an id of a forced copy.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from kingbird import exception
from kingbird.clients.image_lists import IDS_PER_CALL
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.image import MAX_FORCED_IDS, Image
from kingbird.sync.listing.lookup import RegionResults
from kingbird.sync.plan.context import PlanContext

#: Source images' ids, by target region.
IdsByTarget = Mapping[str, set[str]]

#: Forced copies of a region that are kept for the images of later calls.
KEPT = 200
#: The numbers of forced copies.
NUMBERS = range(1, MAX_FORCED_IDS + 1)


class TargetLookup:
    """Looks for copies in target regions.

    A forced copy is looked for under each of its possible ids, as the earlier ones may have become
    free or invisible since it was made.
    """

    def __init__(self, context: PlanContext) -> None:
        self._context = context
        #: Images whose possible ids have all been asked for, by target region.
        self._complete: dict[str, set[str]] = {}
        #: Lists of forced copies for the images of later calls; ``None`` if they are too long.
        self._forced: dict[str, list[Image] | None] = {}

    def ids_of_copies(self, wanted: IdsByTarget) -> dict[str, set[str]]:
        """Return the ids to ask for first, by target region.

        These are images' own ids, and the ids of forced copies if one call has room for them.
        """
        ids: dict[str, set[str]] = {}
        for target, images in wanted.items():
            if not images:
                continue
            ids[target] = set(images)
            if len(images) * (1 + len(NUMBERS)) <= IDS_PER_CALL:
                ids[target].update(_forced_ids(images, target))
                self._complete.setdefault(target, set()).update(images)
        return ids

    def find_copies(self, wanted: IdsByTarget) -> RegionResults:
        """Ask for the ids of :meth:`ids_of_copies`."""
        return self._context.find(self.ids_of_copies(wanted))

    def find_forced(
        self,
        wanted: IdsByTarget,
        sources: Mapping[str, Image],
        answers: RegionResults,
        forced: IdsByTarget = MappingProxyType({}),
    ) -> None:
        """Ask for the forced copies of images that have no copy under their own id.

        :param sources: the source images by their ids.
        :param answers: those about :meth:`ids_of_copies`; what is found is added.
        :param forced: images whose copies under their own ids do not count.
        """
        ask: dict[str, set[str]] = {}
        for target, ids in wanted.items():
            answer = answers.get(target, {})
            if isinstance(answer, exception.KingbirdError):
                continue
            missing = [
                one
                for one in ids - self._complete.get(target, set())
                if one in forced.get(target, ()) or not _is_copy(sources[one], answer.get(one))
            ]
            if missing:
                ask[target] = set(_forced_ids(missing, target))
        many = [target for target, ids in ask.items() if len(ids) > IDS_PER_CALL]
        for target, images in self._list_forced(many):
            found = {image["id"]: image for image in images if image["id"] in ask[target]}
            merge_results(answers, {target: found})
            del ask[target]
        merge_results(answers, self._context.find(ask))

    def _list_forced(self, targets: Sequence[str]) -> Iterator[tuple[str, list[Image]]]:
        """Yield the forced copies of each region that has no more of them than a page."""
        caller, context = self._context.caller, self._context
        owner = None if caller.is_admin else caller.project_id
        calls = {
            target: [
                context.calls.begin(
                    target, context.regions[target].list_forced_page, owner, hidden
                )
                for hidden in (False, True)
            ]
            for target in targets
            if target not in self._forced
        }
        for target, both in calls.items():
            try:
                visible, hidden = (context.calls.wait(target, call) for call in both)
            except (exception.RegionUnavailable, exception.ImageRequestRejected):
                # Asking for ids tells the region's problem.
                continue
            if visible is None or hidden is None:
                self._forced[target] = None
            elif len(visible) + len(hidden) <= KEPT:
                self._forced[target] = [*visible, *hidden]
            else:
                yield target, [*visible, *hidden]
        for target in targets:
            if (images := self._forced.get(target)) is not None:
                yield target, images


def _is_copy(source: Image, image: Image | None) -> bool:
    """Return whether an image with a source's id is a copy of it, in sync or with drift."""
    return (
        image is not None
        and image.get("owner") == source.get("owner")
        and compare.compare_data(source, image) != compare.DIFFERENT
    )


def _forced_ids(images: Iterable[str], target: str) -> Iterator[str]:
    """Yield the ids that forced copies of images may have."""
    return (fields.forced_id(one, target, n) for one in images for n in NUMBERS)


def merge_results(answers: RegionResults, more: RegionResults) -> RegionResults:
    """Add answers to others; a region with an error keeps it.

    :returns: ``answers``.
    """
    for region, answer in more.items():
        before = answers.get(region, {})
        if isinstance(before, exception.KingbirdError):
            continue
        if isinstance(answer, exception.KingbirdError):
            answers[region] = answer
        else:
            answers[region] = {**before, **answer}
    return answers


def is_forced_copy(region: str, image: Image) -> bool:
    """Return whether an image is a forced copy, by its properties and its id."""
    return fields.FORCED in image and bool(fields.copy_number(image, region))
