"""Images that other images refer to: an AMI's kernel and ramdisk.

A walk may come to an AMI before its kernel, so AMIs are planned after the walk.  Most kernels have
an item by then, or are in sync.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from kingbird import exception
from kingbird.states import Reason
from kingbird.sync import image as fields
from kingbird.sync.image import Image
from kingbird.sync.item import CREATE, NONE, UPDATE, Item
from kingbird.sync.listing.lookup import ImagesById, RegionResults
from kingbird.sync.outcome import TOO_DEEP, Outcome, region_failure
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.decide import TargetState
from kingbird.sync.plan.identity import Reference
from kingbird.sync.plan.shelf import MovedImages
from kingbird.sync.plan.spool import Deferred
from kingbird.sync.plan.targets import TargetLookup

#: Target region and image.
Pair = tuple[str, str]


def needs_references(source: Image, item: Item) -> bool:
    """Return whether an item depends on the images that its image refers to."""
    if not fields.references(source):
        return False
    drifted = item.outcome is not None and item.outcome.reason == Reason.DRIFT
    return item.action in (CREATE, UPDATE) or drifted


def with_rank(item: Item, refers_to: Mapping[str, Item]) -> Item:
    """Rank an item after the items of the images that its image refers to, if they are made."""
    ranks = [other.rank + 1 for other in refers_to.values() if other.action not in (NONE, UPDATE)]
    return dataclasses.replace(item, rank=max(ranks, default=0))


def too_deep(one: Deferred) -> dict[str, Item]:
    """Return failed items of the images that an image refers to, as they are not looked up."""
    return {
        name: Item(other, one.source_region, one.target).with_outcome(TOO_DEEP)
        for name, other in fields.references(one.source).items()
    }


class ReferenceResolver:
    """Finds the images that others refer to."""

    def __init__(self, context: PlanContext) -> None:
        self._context = context
        self._copies = TargetLookup(context)

    def find(self, batch: Sequence[Deferred], moved: MovedImages) -> "ResolvedReferences":
        """Find the images that others refer to: in the plan, in targets and in sources.

        Regions are asked only for images that have no item, or perhaps another image's item.

        :param moved: images that are in sync under another id.
        """
        pairs = [(one, other) for one in batch for other in fields.references(one.source).values()]
        items = self._planned({(one.target, other) for one, other in pairs}, moved)
        wanted: dict[str, set[str]] = {}
        ids: dict[str, set[str]] = {}
        sources: dict[str, Image] = {}
        for one, other in pairs:
            item = items.get((one.target, other))
            if _is_item_of(one, item):
                continue
            wanted.setdefault(one.target, set()).add(other)
            for region in {one.source_region, item.source_region if item else one.source_region}:
                ids.setdefault(region, set()).add(other)
            sources[other] = {"id": other, "owner": one.source.get("owner")}
        for target, copies in self._copies.ids_of_copies(wanted).items():
            ids.setdefault(target, set()).update(copies)
        answers = self._context.find(ids)
        for one, other in pairs:
            answer = answers.get(one.source_region)
            if isinstance(answer, dict) and other in answer:
                sources[other] = answer[other]
        targets = {name: answers[name] for name in wanted}
        self._copies.find_forced(wanted, sources, targets)
        return ResolvedReferences(pairs, items, {**answers, **targets}, self._context)

    def _planned(self, pairs: Collection[Pair], moved: MovedImages) -> dict[Pair, Item]:
        items: dict[Pair, Item] = {}
        for target in {target for target, _ in pairs}:
            ids = {other for region, other in pairs if region == target}
            found = self._context.planned(target, ids)
            items.update(((target, other), item) for other, item in found.items())
        items.update((key, item) for key in pairs if (item := moved.find(*key)) is not None)
        return items


def _is_item_of(one: Deferred, item: Item | None) -> bool:
    """Return whether an item is about the image that one of the same region refers to."""
    return (
        item is not None
        and item.target_resource is not None
        and item.source_region == one.source_region
    )


def _is_there(item: Item | None) -> bool:
    return item is not None and item.target_resource is not None


class ResolvedReferences:
    """The images that others refer to, as they are in the targets.

    :param pairs: images, each with the id of one that it refers to.
    :param items: the items of those, by target and image.
    :param answers: the regions' answers about them.
    """

    def __init__(
        self,
        pairs: Iterable[tuple[Deferred, str]],
        items: dict[Pair, Item],
        answers: RegionResults,
        context: PlanContext,
    ) -> None:
        self._items = items
        self._answers = answers
        self._context = context
        self._left: dict[Pair, tuple[Deferred, Reference | Outcome]] = {}
        for one, other in pairs:
            key = one.target, other
            away = isinstance(answers.get(one.target), exception.KingbirdError)
            if key in items or away or _is_there(self._item(one, other)):
                continue
            reference = self._reference(one, other)
            if key not in self._left or (
                isinstance(reference, Reference) and reference.origin is not None
            ):
                self._left[key] = one, reference

    def missing_sources(self) -> Iterator[tuple[Deferred, TargetState]]:
        """Yield images that have to come along, as nothing selected them."""
        for (target, other), (one, reference) in self._left.items():
            if isinstance(reference, Reference) and reference.origin is not None:
                tombstones = self._context.tombstones(target, {other})
                yield (
                    dataclasses.replace(
                        one, source=reference.origin, copy=None, several_sets=False
                    ),
                    TargetState(target, self._images(target), tombstones),
                )

    def unresolvable(self) -> Iterator[tuple[int, Item]]:
        """Yield failed items of images that can't be found, with the index of the set."""
        for (target, other), (one, reference) in self._left.items():
            if (target, other) in self._items:
                continue
            problem = reference if isinstance(reference, Outcome) else Outcome(Reason.SOURCE_GONE)
            item = Item(other, one.source_region, target).with_outcome(problem)
            self.record(item)
            yield one.index, item

    def record(self, item: Item) -> None:
        """Add the item of one of the images."""
        self._items[item.target_region, item.resource] = item

    def for_image(self, one: Deferred) -> dict[str, Item]:
        """Return the items that an image depends on, by property."""
        found = {}
        for name, other in fields.references(one.source).items():
            item = self._item(one, other)
            if item is not None:
                found[name] = item
        return found

    def _item(self, one: Deferred, other: str) -> Item | None:
        item = self._items.get((one.target, other))
        if _is_item_of(one, item):
            return item
        answer = self._answers[one.target]
        if isinstance(answer, exception.KingbirdError):
            return Item(other, one.source_region, one.target).with_outcome(region_failure(answer))
        reference = self._reference(one, other)
        if isinstance(reference, Outcome):
            return item and Item(other, one.source_region, one.target).with_outcome(reference)
        source = self._images(item.source_region).get(other) if item else None
        return reference.resolve(item, source, one.target, answer)

    def _reference(self, one: Deferred, other: str) -> Reference | Outcome:
        answer = self._answers[one.source_region]
        if isinstance(answer, exception.KingbirdError):
            return region_failure(answer)
        return Reference(
            other,
            one.source_region,
            answer.get(other),
            one.source.get("owner"),
            self._context.caller.project_id,
        )

    def _images(self, region: str) -> ImagesById:
        answer = self._answers.get(region, {})
        return {} if isinstance(answer, exception.KingbirdError) else answer
