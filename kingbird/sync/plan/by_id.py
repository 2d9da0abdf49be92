"""Plans sets of images by id, without a walk through any region."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from kingbird import exception
from kingbird.batching import batched
from kingbird.states import Reason
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.image import Image
from kingbird.sync.item import UPDATE, Item
from kingbird.sync.listing.lookup import ImagesById, RegionResults
from kingbird.sync.outcome import (
    LOOKUP_FAILURES,
    REFERENCE_DEPTH,
    SEVERAL_SETS,
    TOO_DEEP,
    Outcome,
    region_failure,
)
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.decide import TargetState, decide
from kingbird.sync.plan.identity import Reference
from kingbird.sync.plan.members import MemberLookup, wanted
from kingbird.sync.plan.named_images import Chunk, NamedImages, NamedPair
from kingbird.sync.plan.orphans import orphaned, revival
from kingbird.sync.plan.references import with_rank
from kingbird.sync.plan.same_name import ItemOfSet, SameNames
from kingbird.sync.plan.sources import RequestedImage, SourceFinder, by_rank
from kingbird.sync.plan.targets import NUMBERS, IdsByTarget, TargetLookup, merge_results
from kingbird.sync.request import Force, Requester, SyncSet

#: Items that are checked for their names at a time.
BATCH = 500
#: The rank from which on images are checked together with those that refer to them.
DEEP = REFERENCE_DEPTH


class _Decided:
    """The items that were planned, as references to them need them."""

    def __init__(self, requested: Sequence[RequestedImage], caller: Requester) -> None:
        self._requested = {(image.resource, image.sync_set): image for image in requested}
        self._caller = caller
        self._items: dict[tuple[str, str], tuple[RequestedImage, Item]] = {}

    def __contains__(self, pair: tuple[str, str]) -> bool:
        return pair in self._items

    def add(self, image: RequestedImage, item: Item) -> None:
        """Add the item of an image."""
        self._items[item.resource, item.target_region] = image, item

    def references(self, image: RequestedImage, state: TargetState) -> dict[str, Item]:
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
        self, image: RequestedImage, source: tuple[str, Image], other: str, state: TargetState
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

    Memory holds the images of one chunk.  A chain of references that is deeper than
    :data:`REFERENCE_DEPTH` has to be in one chunk.

    :param resumes: whether an earlier part of the plan may have items of the sets.
    :ivar is_deferred: whether images and targets are left to a later part, because a region lags.
    """

    def __init__(
        self, context: PlanContext, same_names: SameNames, *, resumes: bool = False
    ) -> None:
        self.is_deferred = False
        self._context = context
        self._same_names = same_names
        self._copies = TargetLookup(context)
        self._members = MemberLookup(context)
        self._resumes = resumes
        #: Images of the present chunk and targets that are left to a later part.
        self._deferred: set[tuple[str, str]] = set()
        #: Images that were planned with those of another chunk; ``None`` before the first chunk.
        self._early: set[str] | None = None

    def plan(self, sets: Sequence[SyncSet]) -> Iterator[list[ItemOfSet]]:
        """Yield batches of items, each with its set; images that others refer to come first.

        Makes list calls only.
        """
        named = NamedImages(sets)
        for pairs in named.chunks():
            self._deferred.clear()
            chunk = self._unplanned(named, pairs)
            if chunk.pairs:
                yield from self._plan(chunk)

    def _plan(self, chunk: Chunk) -> Iterator[list[ItemOfSet]]:
        in_targets = _ids_in_targets(chunk.pairs, at_once=self._context.at_once)
        requested, answers = SourceFinder(self._context).find(
            chunk, self._copies.ids_of_copies(in_targets)
        )
        requested = [image for image in requested if not image.is_left_out]
        states = self._target_states(requested, in_targets, answers)
        self._list_members(requested, states)
        planned = self._planned(states, self._may_be_planned(chunk, requested))
        decided = _Decided(requested, self._context.caller)
        asked = Counter(
            (image.resource, target)
            for image in requested
            if image.is_asked_for
            for target in image.sync_set.targets
        )
        # Names are looked up for all images of a rank at once, and for all deeper ones together.
        for _, group in groupby(by_rank(requested), key=lambda pair: min(pair[1], DEEP)):
            # The key tells images and regions that several sets name.
            items: dict[tuple[str, str], tuple[RequestedImage, Item]] = {}
            for image, rank in group:
                for target in image.sync_set.targets:
                    pair = image.resource, target
                    if pair in items or pair in decided or pair in self._deferred:
                        continue
                    if image.resource in planned[target]:
                        decided.add(image, planned[target][image.resource])
                        continue
                    item = self._item(image, target, states[target], decided, rank)
                    if self._follows_status_only(image, item):
                        decided.add(image, item)
                        continue
                    if self._has_to_wait(image, item):
                        self._deferred.add(pair)
                        self.is_deferred = True
                        continue
                    if asked[pair] > 1:
                        item = item.with_note(SEVERAL_SETS)
                    items[pair] = image, item
                    if rank >= DEEP:
                        decided.add(image, item)
            for batch in batched(items.values(), BATCH):
                checked = self._same_names.check([(one.sync_set, item) for one, item in batch])
                for (image, _), (_, item) in zip(batch, checked, strict=True):
                    decided.add(image, item)
                yield checked
        self._early = self._early or set()
        self._early.update(image.resource for image in requested)
        self._early -= chunk.names

    # Parts.

    def _may_be_planned(self, chunk: Chunk, requested: Sequence[RequestedImage]) -> set[str]:
        """Return the images of which an earlier part or chunk may have items."""
        ids = {image.resource for image in requested}
        if self._resumes:
            return ids
        if self._early is None:
            return set()
        return (ids - chunk.names) | (ids & self._early)

    def _planned(
        self, targets: Iterable[str], ids: Collection[str]
    ) -> dict[str, Mapping[str, Item]]:
        """Return the stored items of some images, by target and image."""
        return {target: self._context.planned(target, ids) if ids else {} for target in targets}

    def _unplanned(self, named: NamedImages, pairs: Sequence[NamedPair]) -> Chunk:
        """Return a chunk with the images and targets that have no item of an earlier part."""
        if not self._resumes:
            return Chunk(named, pairs, {})
        left: list[NamedPair] = []
        limited = {}
        for one, some in groupby(pairs, key=lambda pair: pair[1]):
            names = [name for name, _ in some]
            planned = self._planned(one.targets, names)
            resources = [
                name for name in names if any(name not in items for items in planned.values())
            ]
            targets = [
                target
                for target, items in planned.items()
                if any(name not in items for name in resources)
            ]
            limited[one] = dataclasses.replace(one, targets=tuple(targets))
            left += [(name, limited[one]) for name in resources]
        return Chunk(named, left, limited)

    def _has_to_wait(self, image: RequestedImage, item: Item) -> bool:
        """Return whether an item is not known before a region that lags has answered."""
        lagging = self._context.calls.lagging
        may_be_elsewhere = not lagging.isdisjoint(image.sync_set.sources)
        if item.target_region in lagging or image.source is None:
            return item.target_region in lagging or may_be_elsewhere
        references = fields.references(image.source[1]).values()
        return (
            image.source[0] in lagging
            or (may_be_elsewhere and _depends_on_all_sources(item))
            or any((other, item.target_region) in self._deferred for other in references)
        )

    def _follows_status_only(self, image: RequestedImage, item: Item) -> bool:
        """Return whether an item is left out, as its set selects only the image's status.

        An event tells of an image that was deactivated, and of which no records are made.
        """
        source, one = image.source, image.sync_set
        if source is None or not one.lenient or one.creates(source[1], self._context.caller):
            return False
        if item.outcome and item.outcome.reason in LOOKUP_FAILURES:
            return False
        changed = item.seen.differences if item.seen else {}
        return image.referrer is None and compare.STATUS not in changed

    # Targets.

    def _target_states(
        self, requested: Sequence[RequestedImage], first_ids: IdsByTarget, answers: RegionResults
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

    def _list_members(
        self, requested: Sequence[RequestedImage], states: Mapping[str, TargetState]
    ) -> None:
        """List the members of images and their copies, as far as their sets compare them."""
        self._members.find(
            pair
            for image in requested
            if image.source is not None and image.sync_set.options.compares_members
            for target in image.sync_set.targets
            for pair in self._wanted(image.source, states[target])
        )

    def _wanted(self, source: tuple[str, Image], state: TargetState) -> Iterator[tuple[str, str]]:
        """Yield the image and the copies that a target may have of it, with their regions."""
        region, image = source
        ids = (image["id"], *(fields.forced_id(image["id"], state.region, n) for n in NUMBERS))
        copies = {one: state.images[one] for one in ids if one in state.images}
        return wanted(image, region, TargetState(state.region, copies), self._context.caller)

    # Items.

    def _item(
        self,
        image: RequestedImage,
        target: str,
        state: TargetState,
        decided: _Decided,
        rank: int,
    ) -> Item:
        if image.source is None:
            region = image.referrer[0] if image.referrer else image.sync_set.sources[0]
            item = Item(image.resource, region, target)
            item = item.with_outcome(image.problem or Outcome(Reason.SOURCE_GONE))
        elif hidden := _of_hidden(image, target, state):
            return hidden
        else:
            references = decided.references(image, state)
            item = decide(
                image.source[1],
                image.source[0],
                state,
                self._context.caller,
                self._context.rules,
                image.sync_set.options,
                references=references,
                doubt=image.doubt,
                member_lists=self._members.found,
            )
            # One that was planned with another chunk may have a higher rank than is seen here.
            rank = max(rank, with_rank(item, references).rank)
        if image.referrer and image.came_along:
            reference = image.reference(image.referrer, self._context.caller)
            if isinstance(reference, Reference):
                item = reference.came_along(item, state.images)
        return dataclasses.replace(item, rank=rank)


def _of_hidden(image: RequestedImage, target: str, state: TargetState) -> Item | None:
    """Return the item of a copy that was hidden as an orphan, or ``None`` if it was not.

    It is shown again if one of the set's sources is its home, and has the image.
    """
    copy = state.images.get(image.resource)
    if image.source is None or copy is None or not fields.is_marked(copy, target):
        return None
    if copy.get("owner") != image.source[1].get("owner"):
        return None
    answer = image.found.get(fields.home_of(copy, target) or "", {})
    known = None if isinstance(answer, exception.KingbirdError) else answer.get(image.resource)
    item = revival({target: copy, image.source[0]: image.source[1]}, target, [known])
    return item or orphaned(copy, target, target, copy, Outcome(Reason.ORPHANED))


def _depends_on_all_sources(item: Item) -> bool:
    """Return whether an item is an update, or would be one if all sources were known."""
    return item.action == UPDATE or (item.outcome is not None and item.outcome.is_doubtful)


def _ids_in_targets(pairs: Sequence[NamedPair], *, at_once: bool) -> dict[str, set[str]]:
    """Return named images by target region.

    A target that is also a source is left out: the ids to ask for depend on the chosen source.

    :param at_once: ask for more than is needed rather than once more.
    """
    in_targets: dict[str, set[str]] = {}
    for name, one in pairs:
        for target in one.targets:
            if at_once or target not in one.sources:
                in_targets.setdefault(target, set()).add(name)
    return in_targets
