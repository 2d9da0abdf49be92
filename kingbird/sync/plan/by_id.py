"""Plans sets of images by id, without a walk through any region."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from kingbird import exception
from kingbird.batching import batched
from kingbird.states import Reason
from kingbird.sync import image as fields
from kingbird.sync.image import Image
from kingbird.sync.item import UPDATE, Item
from kingbird.sync.listing.lookup import ImagesById, RegionResults
from kingbird.sync.outcome import (
    REFERENCE_DEPTH,
    SEVERAL_SETS,
    TOO_DEEP,
    Outcome,
    better_source_unknown,
    id_claimed,
    region_failure,
)
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.decide import TargetState, decide
from kingbird.sync.plan.identity import Reference
from kingbird.sync.plan.same_name import SameNames
from kingbird.sync.plan.targets import IdsByTarget, TargetLookup, merge_results
from kingbird.sync.request import Force, Requester, SyncSet
from kingbird.sync.source_order import Copy, SourceOrder

#: Items that are checked for their names at a time.
BATCH = 500
#: The rank from which on images are checked together with those that refer to them.
DEEP = REFERENCE_DEPTH


@dataclass(frozen=True)
class _RequestedImage:
    """An image of a set.

    :ivar referrer: an image of the set that refers to it, with its region.
    :ivar source: the chosen copy, with its region.
    :ivar found: the source regions' answers.
    :ivar doubts: reasons against this set, the gravest first, if an image that is retried may
        belong to several.
    :ivar doubt: the outcome of updates, if a region that is away may have the right source.
    """

    resource: str
    sync_set: SyncSet
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
        named = self.resource in self.sync_set.resources and self.sync_set.force_mode is None
        return self.referrer is not None and not named

    @property
    def is_asked_for(self) -> bool:
        """Return whether its set asks for the image itself."""
        return not (self.came_along or any(self.doubts[:1]))

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


class _Decided:
    """The items that were planned, as references to them need them."""

    def __init__(self, requested: Sequence[_RequestedImage], caller: Requester) -> None:
        self._requested = {(image.resource, image.sync_set): image for image in requested}
        self._caller = caller
        self._items: dict[tuple[str, str], tuple[_RequestedImage, Item]] = {}

    def __contains__(self, pair: tuple[str, str]) -> bool:
        return pair in self._items

    def add(self, image: _RequestedImage, item: Item) -> None:
        """Add the item of an image."""
        self._items[item.resource, item.target_region] = image, item

    def references(self, image: _RequestedImage, state: TargetState) -> dict[str, Item]:
        """Return the items of the images that an image refers to, by property."""
        if image.source is None:
            return {}
        found = {}
        for name, other in fields.references(image.source[1]).items():
            item = self._reference(image, image.source, other, state)
            if item is not None:
                found[name] = item
        return found

    def _reference(
        self, image: _RequestedImage, source: tuple[str, Image], other: str, state: TargetState
    ) -> Item | None:
        target = state.region
        if (other, image.sync_set) not in self._requested:
            return Item(other, source[0], target).with_outcome(TOO_DEEP)
        reference = self._requested[other, image.sync_set].reference(source, self._caller)
        if isinstance(reference, Outcome):
            return Item(other, source[0], target).with_outcome(reference)
        of, item = self._items.get((other, target), (None, None))
        origin = of.source[1] if of and of.source else None
        return reference.resolve(item, origin, target, state.images)


class ByIdPlanner:
    """Plans a job's sets of images by id.

    :param resumes: whether an earlier part of the plan may have items of the sets.
    :ivar deferred: images and targets that are left to a later part, because a region lags.
    """

    def __init__(
        self, context: PlanContext, same_names: SameNames, *, resumes: bool = False
    ) -> None:
        self.deferred: set[tuple[str, str]] = set()
        self._context = context
        self._same_names = same_names
        self._copies = TargetLookup(context)
        self._resumes = resumes

    def plan(self, sets: Sequence[SyncSet]) -> Iterator[tuple[SyncSet, Item]]:
        """Yield the items, each with its set; images that others refer to come before them.

        Makes list calls only.
        """
        sets = self._unplanned(sets)
        if not sets:
            return
        in_targets = _ids_in_targets(sets)
        requested, answers = self._find_sources(sets, self._copies.ids_of_copies(in_targets))
        states = self._target_states(requested, in_targets, answers)
        planned = self._planned(states, {image.resource for image in requested})
        decided = _Decided(requested, self._context.caller)
        asked = Counter(
            (image.resource, target)
            for image in requested
            if image.is_asked_for
            for target in image.sync_set.targets
        )
        # Names are looked up for all images of a rank at once, and for all deeper ones together.
        for _, group in groupby(_by_rank(requested), key=lambda pair: min(pair[1], DEEP)):
            # The key tells images and regions that several sets name.
            items: dict[tuple[str, str], tuple[_RequestedImage, Item]] = {}
            for image, rank in group:
                for target in image.sync_set.targets:
                    pair = image.resource, target
                    if pair in items or pair in decided or pair in self.deferred:
                        continue
                    if image.resource in planned[target]:
                        decided.add(image, planned[target][image.resource])
                        continue
                    item = self._item(image, target, states[target], decided, rank)
                    if self._has_to_wait(image, item):
                        self.deferred.add(pair)
                        continue
                    if asked[pair] > 1:
                        item = item.with_note(SEVERAL_SETS)
                    items[pair] = image, item
                    if rank >= DEEP:
                        decided.add(image, item)
            for batch in batched(items.values(), BATCH):
                checked = self._same_names.check([(one.sync_set, item) for one, item in batch])
                for (image, _), (sync_set, item) in zip(batch, checked, strict=True):
                    decided.add(image, item)
                    yield sync_set, item

    # Parts.

    def _planned(
        self, targets: Iterable[str], ids: Collection[str]
    ) -> dict[str, Mapping[str, Item]]:
        """Return the items of an earlier part for some images, by target and image."""
        planned = self._context.planned
        return {target: planned(target, ids) if self._resumes else {} for target in targets}

    def _unplanned(self, sets: Sequence[SyncSet]) -> Sequence[SyncSet]:
        """Limit sets to images and targets without an item."""
        if not self._resumes:
            return sets
        left = []
        for one in sets:
            planned = self._planned(one.targets, one.resources)
            resources = [
                name
                for name in one.resources
                if any(name not in items for items in planned.values())
            ]
            targets = [
                target
                for target, items in planned.items()
                if any(name not in items for name in resources)
            ]
            left.append(
                dataclasses.replace(one, resources=tuple(resources), targets=tuple(targets))
            )
        return [one for one in left if one.resources]

    def _has_to_wait(self, image: _RequestedImage, item: Item) -> bool:
        """Return whether an item is not known before a region that lags has answered."""
        lagging = self._context.calls.lagging
        may_be_elsewhere = not lagging.isdisjoint(image.sync_set.sources)
        if item.target_region in lagging or image.source is None:
            return item.target_region in lagging or may_be_elsewhere
        references = fields.references(image.source[1]).values()
        return (
            image.source[0] in lagging
            or (may_be_elsewhere and (item.action == UPDATE or _is_doubted(image, item)))
            or any((other, item.target_region) in self.deferred for other in references)
        )

    # Sources.

    def _find_sources(
        self, sets: Sequence[SyncSet], in_targets: Mapping[str, set[str]]
    ) -> tuple[list[_RequestedImage], RegionResults]:
        """Find each image's source; an AMI takes its kernel and ramdisk along, and so on.

        :param in_targets: ids to ask target regions for at the same time.
        :returns: also what the target regions answered.
        """
        requested: dict[tuple[str, SyncSet], _RequestedImage] = {}
        todo = {(name, one): _RequestedImage(name, one) for one in sets for name in one.resources}
        answers = self._context.find(_union(_ids_in_sources(todo.values()), in_targets))
        copies = {region: answers[region] for region in in_targets}
        for depth in range(REFERENCE_DEPTH + 1):
            if depth:
                answers = self._context.find(_ids_in_sources(todo.values()))
            found = [self._with_source(image, answers) for image in todo.values()]
            requested.update(zip(todo, found, strict=True))
            todo = {}
            for image in found:
                for other in fields.references(image.source[1]).values() if image.source else ():
                    key = (other, image.sync_set)
                    if key not in requested:
                        todo[key] = _RequestedImage(*key, image.source)
                    elif other != image.resource:
                        requested[key] = dataclasses.replace(requested[key], referrer=image.source)
        return list(requested.values()), copies

    def _with_source(
        self, image: _RequestedImage, answers: Mapping[str, ImagesById | exception.KingbirdError]
    ) -> _RequestedImage:
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

    def _selected(self, sync_set: SyncSet, copies: Mapping[str, Image]) -> Mapping[str, Image]:
        """Return the copies that pass the filters of a set."""
        if not sync_set.selects:
            return copies
        matches = sync_set.selection(self._context.caller).matcher()
        return {region: copy for region, copy in copies.items() if matches(copy)}

    # Targets.

    def _target_states(
        self, requested: Sequence[_RequestedImage], first_ids: IdsByTarget, answers: RegionResults
    ) -> dict[str, TargetState]:
        """Return the state of each target region.

        :param first_ids: the images that the regions have been asked for.
        :param answers: the regions' answers; later answers are added.
        """
        sources = {image.resource: image.source[1] for image in requested if image.source}
        resources: dict[str, set[str]] = {}
        forced: dict[str, set[str]] = {}
        for image in requested:
            if image.source is None and image.referrer:
                # The target may have it nevertheless.
                gone = {"id": image.resource, "owner": image.referrer[1].get("owner")}
                sources.setdefault(image.resource, gone)
            for target in image.sync_set.targets:
                ids = resources.setdefault(target, set())
                if image.source is None and not image.referrer:
                    continue
                if image.source is None or image.source[0] != target:
                    ids.add(image.resource)
                    if image.sync_set.options.force is Force.ALWAYS:
                        forced.setdefault(target, set()).add(image.resource)
        rest = {target: ids - first_ids.get(target, set()) for target, ids in resources.items()}
        merge_results(answers, self._copies.find_copies(rest))
        self._copies.find_forced(resources, sources, answers, forced)
        return {
            target: self._target_state(target, ids, answers.get(target, {}))
            for target, ids in resources.items()
        }

    def _target_state(
        self, target: str, ids: set[str], answer: ImagesById | exception.KingbirdError
    ) -> TargetState:
        if isinstance(answer, exception.KingbirdError):
            return TargetState(target, error=region_failure(answer))
        return TargetState(target, answer, self._context.tombstones(target, ids))

    # Items.

    def _item(
        self,
        image: _RequestedImage,
        target: str,
        state: TargetState,
        decided: _Decided,
        rank: int,
    ) -> Item:
        if image.source is None:
            region = image.referrer[0] if image.referrer else image.sync_set.sources[0]
            item = Item(image.resource, region, target)
            item = item.with_outcome(image.problem or Outcome(Reason.SOURCE_GONE))
        else:
            item = decide(
                image.source[1],
                image.source[0],
                state,
                self._context.caller,
                self._context.rules,
                image.sync_set.options,
                references=decided.references(image, state),
                doubt=image.doubt,
            )
        if image.referrer and image.came_along:
            reference = image.reference(image.referrer, self._context.caller)
            if isinstance(reference, Reference):
                item = reference.came_along(item, state.images)
        return dataclasses.replace(item, rank=rank)


def _is_doubted(image: _RequestedImage, item: Item) -> bool:
    """Return whether an image is not updated, as its right source may be unknown."""
    if image.doubt is None or item.outcome is None:
        return False
    return item.outcome.message == image.doubt.message


def _doubt(found: RegionResults, order: SourceOrder, source: Copy) -> Outcome | None:
    """Return the outcome of updates if a region that is away may have the right source.

    :param found: the source regions' answers.
    :param source: the source among the copies that were found.
    """
    for region, answer in found.items():
        if isinstance(answer, exception.KingbirdError) and order.may_precede(region, source):
            return better_source_unknown(region, region_failure(answer), source=source[0])
    return None


def _ids_in_sources(todo: Iterable[_RequestedImage]) -> dict[str, set[str]]:
    ids: dict[str, set[str]] = {}
    for image in todo:
        for region in image.sync_set.sources:
            ids.setdefault(region, set()).add(image.resource)
    return ids


def _union(some: Mapping[str, set[str]], others: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {key: some.get(key, set()) | others.get(key, set()) for key in {**some, **others}}


def _ids_in_targets(sets: Sequence[SyncSet]) -> dict[str, set[str]]:
    """Return the images of a request by target region.

    A target that is also a source is left out: the ids to ask for depend on the chosen source.
    """
    in_targets: dict[str, set[str]] = {}
    for one in sets:
        for target in one.targets:
            if target not in one.sources:
                in_targets.setdefault(target, set()).update(one.resources)
    return in_targets


def _by_rank(requested: Sequence[_RequestedImage]) -> list[tuple[_RequestedImage, int]]:
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
