"""Finds the copies of images in their target regions.

A copy has the image's own id, or an id of a forced copy.
"""

from collections.abc import Iterable, Mapping

from kingbird import exception
from kingbird.sync import image as fields
from kingbird.sync.image import MAX_FORCED_IDS, Image
from kingbird.sync.listing.lookup import RegionResults
from kingbird.sync.plan.context import PlanContext

#: Source images' ids, by target region.
IdsByTarget = Mapping[str, set[str]]


class TargetLookup:
    """Looks for copies in target regions."""

    def __init__(self, context: PlanContext) -> None:
        self._context = context

    def find_copies(self, wanted: IdsByTarget) -> RegionResults:
        """Ask for images' own ids and for the first ids of forced copies."""
        return self._context.find(ids_of_copies(wanted))

    def find_further_forced(
        self, wanted: IdsByTarget, sources: Mapping[str, Image], answers: RegionResults
    ) -> dict[str, dict[str, str]]:
        """Ask for further ids of forced copies, as long as the previous id is unusable.

        :param sources: the source images by their ids.
        :param answers: those of :meth:`find_copies`; what is found is added.
        :returns: the unusable ids of forced copies, with the reasons, by region.
        """
        unusable: dict[str, dict[str, str]] = {target: {} for target in wanted}
        left = {target: set(ids) for target, ids in wanted.items()}
        for n in range(1, MAX_FORCED_IDS):
            ask: dict[str, list[str]] = {}
            for target, answer in answers.items():
                if isinstance(answer, exception.KingbirdError) or not left.get(target):
                    continue
                ids = {fields.forced_id(one, target, n): one for one in left[target]}
                unusable[target].update(
                    self._context.tombstones(target, ids.keys() - answer.keys())
                )
                left[target] = {
                    one
                    for image_id, one in ids.items()
                    if image_id in unusable[target]
                    or (
                        image_id in answer
                        and not self._may_be_copy(answer[image_id], sources[one])
                    )
                }
                ask[target] = [fields.forced_id(one, target, n + 1) for one in left[target]]
            ask = {target: names for target, names in ask.items() if names}
            if not ask:
                break
            merge_results(answers, self._context.find(ask))
        return unusable

    def _may_be_copy(self, image: Image, source: Image) -> bool:
        owners = (self._context.caller.project_id, source.get("owner"))
        return image.get(fields.SOURCE_ID) == source["id"] and image.get("owner") in owners


def ids_of_copies(wanted: IdsByTarget) -> dict[str, set[str]]:
    """Return images' own ids and the first ids of forced copies, by target region."""
    return {
        target: {name for one in ids for name in (one, fields.forced_id(one, target, 1))}
        for target, ids in wanted.items()
        if ids
    }


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


class ForcedCopies:
    """The known forced copies, by region and source image."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[int, Image]] = {}

    def add(self, region: str, images: Iterable[Image]) -> None:
        """Add those of a region's images that are forced copies."""
        for image in images:
            number = fields.copy_number(image, region) if fields.FORCED in image else None
            if number:
                self._known.setdefault((region, image[fields.SOURCE_ID]), {})[number] = image

    def copies_of(
        self, region: str, source_id: str
    ) -> tuple[Mapping[str, Image], Mapping[str, str]]:
        """Return the forced copies of an image in a region, by id.

        :returns: also the ids before them, which were unusable when the copies were made.
        """
        known = self._known.get((region, source_id))
        if not known:
            return {}, {}
        ids = {n: fields.forced_id(source_id, region, n) for n in range(1, max(known) + 1)}
        images = {ids[n]: image for n, image in known.items()}
        return images, {ids[n]: "id_taken" for n in ids if n not in known}
