"""Plans images of wildcard sets that wait for the end of the walk.

They refer to other images, or may have forced copies that no list has named yet.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack

from kingbird.batching import batched
from kingbird.sync import image as fields
from kingbird.sync.item import Item
from kingbird.sync.outcome import REFERENCE_DEPTH
from kingbird.sync.plan import references
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.decide import TargetState
from kingbird.sync.plan.same_name import ItemOfSet, SameNames
from kingbird.sync.plan.spool import BATCH, Deferred, DeferredSpool
from kingbird.sync.plan.wildcard_items import WildcardItems
from kingbird.sync.request import WildcardScope


class DeferredPlanner:
    """Plans images when all pages are read, after the images that they refer to."""

    def __init__(
        self,
        context: PlanContext,
        scopes: Sequence[WildcardScope],
        items: WildcardItems,
        same_names: SameNames,
    ) -> None:
        self._scopes = scopes
        self._items = items
        self._same_names = same_names
        self._resolver = references.ReferenceResolver(context)

    def plan(self, deferred: DeferredSpool, stack: ExitStack) -> Iterator[list[ItemOfSet]]:
        """Yield batches of items, each with its set: first those that others refer to.

        :param stack: closes the queues of images that have to wait longer.
        """
        for _ in range(REFERENCE_DEPTH):
            # An image comes after those that it refers to.
            later = stack.enter_context(DeferredSpool())
            for rest in batched(deferred, BATCH):
                yield self._decide(_postpone(rest, deferred.ids, later))
            deferred = later
        for rest in batched(deferred, BATCH):
            yield self._decide_too_deep(rest)

    def _decide(self, batch: Sequence[Deferred]) -> list[ItemOfSet]:
        """Decide about deferred differences; the images that they refer to come first."""
        unusable = self._items.unusable((one.target, one.source["id"]) for one in batch)
        self._items.list_members(batch)
        counted = [one for one in batch if not one.needs_item]
        resolved = self._resolver.find(counted, self._items.moved)
        for one in counted:
            self._items.count_in_sync(
                self._items.item(one, unusable, resolved.for_image(one)), one.index
            )
        batch = [one for one in batch if one.needs_item]
        along, resolved = self._bring_along(batch)
        planned: list[ItemOfSet] = []
        for one in batch:
            refers_to = resolved.for_image(one)
            item = self._items.item(one, unusable, refers_to)
            if not self._items.count_in_sync(item, one.index):
                planned.append(self._planned_item(one, item, refers_to))
        return [*along, *self._same_names.check(planned)]

    def _decide_too_deep(self, batch: Sequence[Deferred]) -> list[ItemOfSet]:
        """Decide about images whose references go too deep, or in a circle."""
        unusable = self._items.unusable((one.target, one.source["id"]) for one in batch)
        self._items.list_members(batch)
        planned = []
        for one in batch:
            refers_to = references.too_deep(one)
            item = self._items.item(one, unusable, refers_to)
            if not self._items.count_in_sync(item, one.index) and one.needs_item:
                planned.append(self._planned_item(one, item, refers_to))
        return self._same_names.check(planned)

    def _bring_along(
        self, batch: Sequence[Deferred]
    ) -> tuple[list[ItemOfSet], references.ResolvedReferences]:
        """Plan the images that others refer to and that nothing selected, and so on.

        :returns: the items, and all images that the batch refers to.
        """
        levels: list[tuple[references.ResolvedReferences, list[tuple[Deferred, TargetState]]]] = []
        while batch or not levels:
            resolved = self._resolver.find(batch, self._items.moved)
            levels.append((resolved, list(resolved.missing_sources())))
            batch = [one for one, _ in levels[-1][1] if fields.references(one.source)]
            if len(levels) == REFERENCE_DEPTH:
                break
        planned: list[ItemOfSet] = []
        below: references.ResolvedReferences | None = None
        for resolved, missing in reversed(levels):
            along = []
            for one, state in missing:
                refers_to = below.for_image(one) if below else references.too_deep(one)
                item = self._items.item_in(state, one, refers_to)
                along.append(self._planned_item(one, item, refers_to))
            for sync_set, item in self._same_names.check(along):
                planned.append((sync_set, item))
                resolved.record(item)
            planned += [
                (self._scopes[index].sync_set, item) for index, item in resolved.unresolvable()
            ]
            below = resolved
        return planned, levels[0][0]

    def _planned_item(self, one: Deferred, item: Item, refers_to: Mapping[str, Item]) -> ItemOfSet:
        return self._scopes[one.index].sync_set, references.with_rank(item, refers_to)


def _postpone(
    batch: Sequence[Deferred], undecided: Collection[str], later: DeferredSpool
) -> list[Deferred]:
    """Return the images whose references are decided, and put the others into a queue.

    :param undecided: the ids of images that wait for their references, in lower case.
    """
    ready = []
    for one in batch:
        others = {*fields.references(one.source).values()} - {one.source["id"].lower()}
        if others.isdisjoint(undecided):
            ready.append(one)
        else:
            later.put(one)
    return ready
