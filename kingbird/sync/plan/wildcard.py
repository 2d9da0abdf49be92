"""Plans wildcard sets: compares whole regions, and decides about the differences."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack

from kingbird.batching import batched
from kingbird.states import ALL, Reason
from kingbird.sync import image as fields
from kingbird.sync.item import Item
from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.listing.diff import (
    Copies,
    Differ,
    Difference,
    HandledTargets,
    Scope,
)
from kingbird.sync.listing.merge import MergedPage, merge_by_id
from kingbird.sync.listing.regions import RegionListings
from kingbird.sync.outcome import (
    REFERENCE_DEPTH,
    SEVERAL_SETS,
    UNUSABLE,
    Outcome,
    better_source_unknown,
    id_claimed,
)
from kingbird.sync.plan import references
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.plan.decide import TargetState, decide
from kingbird.sync.plan.same_name import PlannedItem, SameNames
from kingbird.sync.plan.spool import Deferred, DeferredSpool
from kingbird.sync.plan.targets import ForcedCopies, is_forced_copy
from kingbird.sync.request import SyncSet, WildcardScope

#: Differences that are decided at a time.
BATCH = 100
#: Items whose names are looked up at a time, which saves calls if there are several targets.
CHECKED = 500

#: The ids that can't be used, with the reason, by region.
UnusableIds = Mapping[str, Mapping[str, str]]


class WildcardPlanner:
    """Plans the wildcard sets of a job with one walk through each region.

    :param calls: the calls that list the regions; a region that lags is left to another part of
        the plan.
    :param cursor: the end of an earlier part of the plan, if there is one.
    :param retried_regions: regions to which a retry is limited.  Only images that are in one of
        them, or missing there, get items; images in sync are counted in all targets.
    :ivar in_sync: the number of images in sync that have no item, by region.
    :ivar next_cursor: the end of this part after :meth:`plan`, or ``None`` if nothing is left.
    """

    def __init__(
        self,
        context: PlanContext,
        sets: Sequence[SyncSet],
        same_names: SameNames,
        *,
        calls: RegionCalls,
        cursor: PlanCursor | None = None,
        retried_regions: Collection[str] | None = None,
    ) -> None:
        self.in_sync: Counter[str] = Counter()
        self.next_cursor: PlanCursor | None = None
        self._context = context
        self._same_names = same_names
        self._scopes = [WildcardScope(one, context.caller) for one in sets]
        self._calls = calls
        self._cursor = cursor
        self._targets = {name for scope in self._scopes for name in scope.targets}
        #: Items of the first part for the images that are being compared, by target region.
        self._planned: Mapping[str, Collection[str]] = {}
        self._retried_regions = retried_regions
        self._forced = ForcedCopies()
        self._resolver = references.ReferenceResolver(context)
        #: Images that are in sync under another id, by target region and source image.
        self._moved: dict[tuple[str, str], Item] = {}

    def plan(self, handled: Mapping[str, Collection[str]]) -> Iterator[list[PlannedItem]]:
        """Yield batches of items, each with its set.  Makes list calls only.

        :param handled: targets that need no plan, by image.
        """
        listings = self._listings = self._start_listings()
        differ = Differ(
            self._scopes,
            self._context.rules,
            listings,
            handled=self._handled_targets(handled),
            is_forced=is_forced_copy,
        )
        with ExitStack() as stack:
            deferred = stack.enter_context(DeferredSpool())
            differences = differ.differences(self._read_pages(listings))
            planned: list[PlannedItem] = []
            for batch in batched(differences, BATCH):
                planned += self._decide(batch, deferred)
                if len(planned) >= CHECKED:
                    yield self._same_names.check(planned)
                    planned = []
            yield self._same_names.check(planned)
            del planned
            for _ in range(REFERENCE_DEPTH):
                # An image comes after those that it refers to.
                later = stack.enter_context(DeferredSpool())
                for rest in batched(deferred, BATCH):
                    yield self._decide_deferred(_postpone(rest, deferred.ids, later))
                deferred = later
            for rest in batched(deferred, BATCH):
                yield self._decide_too_deep(rest)
        self.in_sync.update(differ.in_sync)
        # An item for all images tells that a region could not be compared completely.
        yield [
            (self._set_for(region), Item(ALL, ALL, region).with_outcome(problem))
            for region, problem in listings.problems.items()
        ]
        if listings.lagging:
            covered = {region: listings.covered_to[region] for region in listings.lagging}
            self.next_cursor = PlanCursor(covered, listings.unsorted)

    def _start_listings(self) -> RegionListings:
        regions = dict.fromkeys(
            name for scope in self._scopes for name in (*scope.sources, *scope.targets)
        )
        # Glance need not list what is not selected in a region that is only a source, unless it
        # decides about owners.
        complete = self._targets.union(
            *(scope.sources for scope in self._scopes if scope.depends_on_all_owners)
        )
        selections = {
            name: {scope.selection for scope in self._scopes if name in scope.sources}
            for name in regions
            if name not in complete
        }
        return RegionListings(
            {name: self._context.regions.get(name) for name in regions},
            calls=self._calls,
            forced_regions=self._targets,
            filters={name: one.pop().query() for name, one in selections.items() if len(one) == 1},
            unsorted_regions=self._cursor.unsorted if self._cursor else (),
        )

    def _handled_targets(self, handled: Mapping[str, Collection[str]]) -> HandledTargets | None:
        cursor = self._cursor
        if not handled and cursor is None:
            return None

        def targets(scope: Scope, image_id: str, copies: Copies) -> set[str]:
            before = set(handled.get(image_id, ()))
            if cursor:
                before.update(cursor.handled_targets(scope, image_id, copies))
                before.update(name for name, ids in self._planned.items() if image_id in ids)
            return before

        return targets

    def _read_pages(self, listings: RegionListings) -> Iterator[MergedPage]:
        """Yield the regions' pages, whose forced copies are indexed before they are compared."""
        for page in merge_by_id(listings.streams()):
            for region, copies in listings.forced.items():
                self._forced.add(region, copies.values())
                copies.clear()
            for region, images in page.images.items():
                self._forced.add(region, images.values())
            if self._cursor:
                # Records that the first part planned may have been created meanwhile.
                ids = {image["id"] for images in page.images.values() for image in images.values()}
                self._planned = {
                    name: {one.lower() for one in self._context.planned(name, ids)}
                    for name in self._targets
                }
            yield page
            # The next pages are parsed before the names are bound anew.
            del page, images

    def _decide(self, batch: Sequence[Difference], deferred: DeferredSpool) -> list[PlannedItem]:
        """Decide about differences; defer those that need to know all images."""
        unusable = self._unusable(
            (target, one.source["id"]) for one in batch for target in one.missing
        )
        planned = []
        for one in batch:
            self.in_sync.update(one.in_sync)
            for target in (*one.missing, *one.comparisons):
                candidate = Deferred(
                    one.index,
                    one.source_region,
                    one.source,
                    target,
                    one.copies.get(target),
                    self._needs_item(one.copies, target),
                    self._is_asked_for_twice(one.copies, target),
                    one.doubtful,
                )
                item = self._item(candidate, unusable)
                if one.claimed_by:
                    claimed = id_claimed(one.claimed_by, source=one.source_region)
                    item = Item(item.resource, item.source_region, target).with_outcome(claimed)
                elif references.needs_references(one.source, item) or _may_be_forced(item):
                    deferred.put(candidate)
                    continue
                if not self._count_in_sync(item) and candidate.needs_item:
                    planned.append((self._scopes[one.index].sync_set, item))
        return planned

    def _decide_deferred(self, batch: Sequence[Deferred]) -> list[PlannedItem]:
        """Decide about deferred differences; the images that they refer to come first."""
        unusable = self._unusable((one.target, one.source["id"]) for one in batch)
        counted = [one for one in batch if not one.needs_item]
        resolved = self._resolver.find(counted, self._moved)
        for one in counted:
            self._count_in_sync(self._item(one, unusable, resolved.for_image(one)))
        batch = [one for one in batch if one.needs_item]
        along, resolved = self._bring_along(batch)
        planned: list[PlannedItem] = []
        for one in batch:
            refers_to = resolved.for_image(one)
            item = self._item(one, unusable, refers_to)
            if not self._count_in_sync(item):
                planned.append(self._planned_item(one, item, refers_to))
        return [*along, *self._same_names.check(planned)]

    def _decide_too_deep(self, batch: Sequence[Deferred]) -> list[PlannedItem]:
        """Decide about images whose references go too deep, or in a circle."""
        unusable = self._unusable((one.target, one.source["id"]) for one in batch)
        planned = []
        for one in batch:
            refers_to = references.too_deep(one)
            item = self._item(one, unusable, refers_to)
            if not self._count_in_sync(item) and one.needs_item:
                planned.append(self._planned_item(one, item, refers_to))
        return self._same_names.check(planned)

    def _bring_along(
        self, batch: Sequence[Deferred]
    ) -> tuple[list[PlannedItem], references.ResolvedReferences]:
        """Plan the images that others refer to and that nothing selected, and so on.

        :returns: the items, and all images that the batch refers to.
        """
        levels: list[tuple[references.ResolvedReferences, list[tuple[Deferred, TargetState]]]] = []
        while batch or not levels:
            resolved = self._resolver.find(batch, self._moved)
            levels.append((resolved, list(resolved.missing_sources())))
            batch = [one for one, _ in levels[-1][1] if fields.references(one.source)]
            if len(levels) == REFERENCE_DEPTH:
                break
        planned: list[PlannedItem] = []
        below: references.ResolvedReferences | None = None
        for resolved, missing in reversed(levels):
            along = []
            for one, state in missing:
                refers_to = below.for_image(one) if below else references.too_deep(one)
                item = self._item_in(state, one, refers_to)
                along.append(self._planned_item(one, item, refers_to))
            for sync_set, item in self._same_names.check(along):
                planned.append((sync_set, item))
                resolved.record(item)
            planned += [
                (self._scopes[index].sync_set, item) for index, item in resolved.unresolvable()
            ]
            below = resolved
        return planned, levels[0][0]

    def _planned_item(
        self, one: Deferred, item: Item, refers_to: Mapping[str, Item]
    ) -> PlannedItem:
        return self._scopes[one.index].sync_set, references.with_rank(item, refers_to)

    def _item(
        self,
        one: Deferred,
        unusable: UnusableIds,
        refers_to: Mapping[str, Item] | None = None,
    ) -> Item:
        images = self._forced.copies_of(one.target, one.source["id"])
        copy = {one.source["id"]: one.copy} if one.copy is not None else {}
        state = TargetState(one.target, {**images, **copy}, unusable.get(one.target, {}))
        return self._item_in(state, one, refers_to)

    def _is_asked_for_twice(self, copies: Copies, target: str) -> bool:
        """Return whether several sets select an image for a target."""
        scopes = [scope for scope in self._scopes if target in scope.targets]
        return len(scopes) > 1 and len([one for one in scopes if one.choose_source(copies)]) > 1

    def _item_in(
        self, state: TargetState, one: Deferred, refers_to: Mapping[str, Item] | None = None
    ) -> Item:
        item = decide(
            one.source,
            one.source_region,
            state,
            self._context.caller,
            self._context.rules,
            self._scopes[one.index].sync_set.options,
            references=refers_to,
            doubt=self._doubt(one),
        )
        return item.with_note(SEVERAL_SETS) if one.several_sets else item

    def _doubt(self, one: Deferred) -> Outcome | None:
        """Return the outcome of an update if a region that is away may have the right source."""
        if not one.doubtful:
            return None
        region = one.doubtful[0]
        problem = self._listings.problems.get(region)
        return better_source_unknown(region, problem, source=one.source_region)

    def _unusable(self, pairs: Iterable[tuple[str, str]]) -> UnusableIds:
        """Look up tombstones.

        :param pairs: region and image id.
        """
        ids: dict[str, set[str]] = {}
        for region, image_id in pairs:
            ids.setdefault(region, set()).add(image_id)
        return {region: self._context.tombstones(region, some) for region, some in ids.items()}

    def _needs_item(self, copies: Copies, target: str) -> bool:
        """Return whether an image gets an item if it is not in sync in a target.

        In a retry it does if a retried region is the target, or has a copy that is selected.
        """
        if self._retried_regions is None or target in self._retried_regions:
            return True
        return any(
            region in copies and scope.matches(copies[region])
            for scope in self._scopes
            if target in scope.targets
            for region in self._retried_regions
            if region in scope.sources
        )

    def _count_in_sync(self, item: Item) -> bool:
        """Count an image if it is in sync, so that it needs no item.

        :returns: whether it is.
        """
        if item.outcome is None or item.outcome.reason != Reason.IN_SYNC:
            return False
        self.in_sync[item.target_region] += 1
        if item.target_resource != item.resource:
            # Images that refer to it have to name the id that it has there.
            self._moved[item.target_region, item.resource] = item
        return True

    def _set_for(self, region: str) -> SyncSet:
        """Return the first set that has a region as a target, or else as a source."""
        return min(
            (scope.sync_set for scope in self._scopes),
            key=lambda one: (region not in one.targets, region not in one.sources),
        )


def _may_be_forced(item: Item) -> bool:
    """Return whether a forced copy may turn up among hidden images, which no list names."""
    forced = item.work and (item.work.forced or item.work.fallback)
    return bool(forced or (item.outcome and item.outcome.reason in UNUSABLE))


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
