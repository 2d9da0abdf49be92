"""Finds the sources of images that are asked for by id, and the images that they refer to."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kingbird import exception
from kingbird.states import Reason
from kingbird.sync import image as fields
from kingbird.sync.image import Image
from kingbird.sync.listing.lookup import ImagesById, RegionResults
from kingbird.sync.outcome import (
    REFERENCE_DEPTH,
    Outcome,
    better_source_unknown,
    id_claimed,
    region_failure,
)
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.identity import Reference
from kingbird.sync.plan.named_images import Chunk
from kingbird.sync.plan.orphans import OrphanFinder
from kingbird.sync.request import Requester, SyncSet
from kingbird.sync.source_order import Copy, SourceOrder


@dataclass(frozen=True)
class RequestedImage:
    """An image of a set.

    :ivar is_named: whether the set names it.
    :ivar referrer: an image of the set that refers to it, with its region.
    :ivar source: the chosen copy, with its region.
    :ivar found: the source regions' answers.
    :ivar doubts: reasons against this set, the gravest first, if an image that is retried may
        belong to several.
    :ivar doubt: the outcome of updates, if a region that is away may have the right source.
    """

    resource: str
    sync_set: SyncSet
    is_named: bool = False
    referrer: tuple[str, Image] | None = None
    source: tuple[str, Image] | None = None
    problem: Outcome | None = None
    found: RegionResults = field(default_factory=dict)
    doubts: tuple[bool, ...] = ()
    doubt: Outcome | None = None

    @property
    def came_along(self) -> bool:
        """Return whether only its referrer made the image part of the plan.

        The sets of a retry name such images too.
        """
        is_named = self.is_named and self.sync_set.force_mode is None
        return self.referrer is not None and not is_named

    @property
    def is_asked_for(self) -> bool:
        """Return whether its set asks for the image itself."""
        return not (self.came_along or any(self.doubts[:1]))

    @property
    def is_left_out(self) -> bool:
        """Return whether a lenient set has no item for the image."""
        gone = self.problem is not None and self.problem.reason == Reason.SOURCE_GONE
        return self.sync_set.lenient and self.referrer is None and gone

    @property
    def is_at_home(self) -> bool:
        """Return whether the source is no copy, or its home was seen to have the image."""
        home = fields.home_of(self.source[1], self.source[0]) if self.source else None
        answer = self.found.get(home or "", {})
        # A home that could not be asked says nothing.
        return (
            home is None or isinstance(answer, exception.KingbirdError) or self.resource in answer
        )

    def reference(self, referrer: tuple[str, Image], caller: Requester) -> Reference | Outcome:
        """Return the reference from another image, or why it is not known.

        :param referrer: the other image, with the region that it is copied from.
        """
        region, image = referrer
        answer = self.found[region]
        if isinstance(answer, exception.KingbirdError):
            return region_failure(answer)
        origin = answer.get(self.resource)
        return Reference(self.resource, region, origin, image.get("owner"), caller.project_id)


class SourceFinder:
    """Finds the sources of the images of some sets."""

    def __init__(self, context: PlanContext) -> None:
        self._context = context
        self._orphans = OrphanFinder(context)

    def find(
        self, chunk: Chunk, in_targets: Mapping[str, set[str]]
    ) -> tuple[list[RequestedImage], RegionResults]:
        """Find each image's source; an AMI takes its kernel and ramdisk along, and so on.

        An image of another chunk comes with all sets that name it, so that the first of them
        counts.

        :param in_targets: ids to ask target regions for at the same time.
        :returns: also what the target regions answered.
        """
        requested: dict[tuple[str, SyncSet], RequestedImage] = {}
        todo = {pair: RequestedImage(*pair, is_named=True) for pair in chunk.pairs}
        answers = self._context.find(_union(_ids_in_sources(todo.values()), in_targets))
        copies = {region: answers[region] for region in in_targets}
        referrers: dict[tuple[str, SyncSet], Copy] = {}
        for depth in range(REFERENCE_DEPTH + 1):
            if depth:
                answers = self._context.find(_ids_in_sources(todo.values()))
            found = self._without_orphans(
                [self._with_source(image, answers) for image in todo.values()]
            )
            requested.update(zip(todo, found, strict=True))
            todo = {}
            for image in found:
                if image.source is None:
                    continue
                for other in fields.references(image.source[1]).values():
                    named = [(other, one) for one in chunk.sets_of(other)]
                    for key in named:
                        if key not in requested:
                            todo[key] = RequestedImage(*key, is_named=True)
                    key = (other, image.sync_set)
                    if key not in requested and key not in named:
                        todo[key] = RequestedImage(*key, referrer=image.source)
                    elif other != image.resource:
                        referrers[key] = image.source
        for key, source in referrers.items():
            if key in requested:
                requested[key] = dataclasses.replace(requested[key], referrer=source)
        return list(requested.values()), copies

    def _with_source(
        self, image: RequestedImage, answers: Mapping[str, ImagesById | exception.KingbirdError]
    ) -> RequestedImage:
        found = {region: answers[region] for region in image.sync_set.sources}
        image = dataclasses.replace(image, found=found)
        copies = {}
        problem: exception.KingbirdError | None = None
        for region, answer in found.items():
            if isinstance(answer, exception.KingbirdError):
                problem = answer
            elif image.resource in answer:
                copies[region] = answer[image.resource]
        if image.referrer:
            reference = image.reference(image.referrer, self._context.caller)
            if isinstance(reference, Outcome):
                return dataclasses.replace(image, problem=reference)
            copies = {name: copy for name, copy in copies.items() if reference.matches(copy)}
        order = image.sync_set.source_order(self._context.caller)
        rightful = order.rightful(copies)
        selected = self._selected(image.sync_set, rightful)
        if image.sync_set.optional and not selected:
            return dataclasses.replace(image, problem=Outcome(Reason.SOURCE_GONE), doubts=(True,))
        if image.sync_set.lenient and not (selected or image.referrer):
            outcome = region_failure(problem) if problem else Outcome(Reason.SOURCE_GONE)
            return dataclasses.replace(image, problem=outcome)
        lost = None if selected else order.choose(self._selected(image.sync_set, copies))
        source = None if lost else order.choose(selected or rightful)
        doubts: tuple[bool, ...] = ()
        if image.sync_set.selects and not image.sync_set.optional:
            # If no set selects the image any more, a dry run is preferred.
            real = not (selected or image.sync_set.dry_run)
            doubts = (not selected, real, not source, not problem)
        if source:
            doubt = _doubt(found, order, source)
            return dataclasses.replace(image, source=source, doubts=doubts, doubt=doubt)
        if lost:
            outcome = id_claimed(next(iter(rightful)), source=lost[0])
        else:
            outcome = region_failure(problem) if problem else Outcome(Reason.SOURCE_GONE)
        return dataclasses.replace(image, problem=outcome, doubts=doubts)

    def _without_orphans(self, images: Sequence[RequestedImage]) -> list[RequestedImage]:
        """Take away the sources that are copies of images which their homes have no more."""
        gone, _ = self._orphans.find(
            image.source for image in images if image.source and not image.is_at_home
        )
        # The set asks for no original, or it is not among the copies that it selects.
        hidden = Outcome(Reason.ORPHANED)
        return [
            dataclasses.replace(image, source=None, problem=gone.get(image.resource, hidden))
            if image.source
            and (image.resource in gone or fields.is_marked(image.source[1], image.source[0]))
            else image
            for image in images
        ]

    def _selected(self, sync_set: SyncSet, copies: Mapping[str, Image]) -> Mapping[str, Image]:
        """Return the copies that pass the filters of a set."""
        if not sync_set.selects:
            return copies
        matches = sync_set.selection(self._context.caller).matcher()
        return {region: copy for region, copy in copies.items() if matches(copy)}


def _doubt(found: RegionResults, order: SourceOrder, source: Copy) -> Outcome | None:
    """Return the outcome of updates if a region that is away may have the right source.

    :param found: the source regions' answers.
    :param source: the source among the copies that were found.
    """
    for region, answer in found.items():
        if isinstance(answer, exception.KingbirdError) and order.may_precede(region, source):
            return better_source_unknown(region, region_failure(answer), source=source[0])
    return None


def _ids_in_sources(todo: Iterable[RequestedImage]) -> dict[str, set[str]]:
    ids: dict[str, set[str]] = {}
    for image in todo:
        for region in image.sync_set.sources:
            ids.setdefault(region, set()).add(image.resource)
    return ids


def _union(some: Mapping[str, set[str]], others: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {key: some.get(key, set()) | others.get(key, set()) for key in {**some, **others}}


def by_rank(requested: Sequence[RequestedImage]) -> list[tuple[RequestedImage, int]]:
    """Order images so that each comes after those that it refers to.

    If several sets may have selected an image, the most likely set comes first.  References in a
    circle are ignored.
    """
    sources = {image.resource: image.source[1] for image in requested if image.source}
    ranks = _ranks(sources)
    ranked = [(image, ranks.get(image.resource, 0)) for image in requested]
    return sorted(ranked, key=lambda pair: (pair[1], pair[0].doubts))


def _ranks(images: Mapping[str, Image]) -> dict[str, int]:
    """Return a rank for each image that is above the ranks of those that it refers to.

    There is no recursion, because a request may name a long chain of images.
    """
    ranks: dict[str, int] = {}
    for first in images:
        path = dict.fromkeys([first]) if first not in ranks else {}
        while path:
            here = next(reversed(path))
            others = fields.references(images.get(here, {})).values()
            below = next((one for one in others if one not in ranks and one not in path), None)
            if below is None:
                ranks[here] = max((ranks[one] + 1 for one in others if one in ranks), default=0)
                del path[here]
            else:
                path[below] = None
    return ranks
