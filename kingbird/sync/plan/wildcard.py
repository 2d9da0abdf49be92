"""Plans sets with ``*``: compares whole regions, and decides where they differ."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from kingbird.batching import batched
from kingbird.states import ALL
from kingbird.sync.image import Image
from kingbird.sync.item import Item
from kingbird.sync.listing.diff import (
    Copies,
    Differ,
    Difference,
    HandledTargets,
    Scope,
    merge_by_id,
)
from kingbird.sync.listing.regions import RegionListings
from kingbird.sync.outcome import UNUSABLE
from kingbird.sync.plan import references
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.plan.decide import TargetState, decide
from kingbird.sync.plan.spool import Deferred, DeferredSpool
from kingbird.sync.plan.targets import ForcedCopies
from kingbird.sync.request import SyncSet, WildcardScope

#: Differences that are decided at a time.
BATCH = 100

PlannedItem = tuple[SyncSet, Item]


class WildcardPlanner:
    """Plans the sets of a job that mean whole regions, with one walk through each.

    :param slow_region_timeout: seconds after which the others don't wait for a region that is
        much slower than they are; ``None`` waits for all.
    :ivar in_sync: how many images are in order without an item of their own, by region.
    :ivar rest: what is left to plan, once :meth:`plan` came to its end.
    """

    def __init__(self, cloud: PlanContext, slow_region_timeout: float | None) -> None:
        self.in_sync: Counter[str] = Counter()
        self.rest: PlanCursor | None = None
        self._cloud = cloud
        self._slow_region_timeout = slow_region_timeout

    def plan(
        self,
        sets: Sequence[SyncSet],
        decided: Mapping[str, Collection[str]],
        rest: PlanCursor | None = None,
        share_of: Collection[str] | None = None,
    ) -> Iterator[list[PlannedItem]]:
        """Yield items, each with its set, in batches.  Makes list calls only.

        :param decided: the targets that were dealt with already, by image.
        :param rest: what an earlier part of the plan left, if there was one.
        :param share_of: regions, where only what they have to do with gets items; what is in
            order is counted anyway.
        """
        aims = [WildcardScope(each, self._cloud.caller) for each in sets]
        listings = self._listings(aims, rest)
        with DeferredSpool() as later:
            part = _DifferenceDecider(aims, listings, later, self, share_of)
            differ = Differ(
                aims,
                self._cloud.rules,
                listings,
                done=_done(decided, rest),
                is_forced=part.forced.add,
            )
            found = differ.differences(merge_by_id(listings.streams()))
            for batch in batched(found, BATCH):
                yield part.decide(batch)
            yield from self._decide_deferred(part, later)
        self.in_sync.update(differ.in_sync)
        self.in_sync.update(part.in_sync)
        yield [(_set_for(region, sets), item) for region, item in _problems(listings)]
        if listings.lagging:
            self.rest = PlanCursor(
                {region: listings.covered_to[region] for region in listings.lagging},
                listings.unsorted,
            )

    def _listings(self, aims: Sequence[WildcardScope], rest: PlanCursor | None) -> RegionListings:
        targets = {name for aim in aims for name in aim.targets}
        wanted = dict.fromkeys(name for aim in aims for name in (*aim.sources, *aim.targets))
        # A region that is a source only need not list what is not selected.
        selections = {
            name: {
                aim.sync_set.selection(self._cloud.caller) for aim in aims if name in aim.sources
            }
            for name in wanted
            if name not in targets
        }
        return RegionListings(
            {name: self._cloud.regions.get(name) for name in wanted},
            submit=self._cloud.submit,
            retry=self._cloud.retry,
            forced_regions=targets,
            filters={name: one.pop().query() for name, one in selections.items() if len(one) == 1},
            # What was late once is waited for.
            slow_region_timeout=None if rest else self._slow_region_timeout,
            unsorted_regions=rest.unsorted if rest else (),
        )

    def _decide_deferred(
        self, part: "_DifferenceDecider", later: DeferredSpool
    ) -> Iterator[list[PlannedItem]]:
        finder = references.ReferenceResolver(self._cloud)
        for batch in batched(later, BATCH):
            yield part.decide_later(batch, finder)

    def decide(
        self,
        sync_set: SyncSet,
        source: Image,
        source_region: str,
        situation: TargetState,
        refers_to: Mapping[str, Item] | None = None,
    ) -> Item:
        """Decide about one image in one region."""
        return decide(
            source,
            source_region,
            situation,
            self._cloud.caller,
            self._cloud.rules,
            sync_set.options,
            references=refers_to,
        )

    def burnt(self, pairs: Sequence[tuple[str, str]]) -> dict[str, Mapping[str, str]]:
        """Look up which of some ids can't be used.

        :param pairs: region and image id.
        """
        asked: dict[str, set[str]] = {}
        for region, image_id in pairs:
            asked.setdefault(region, set()).add(image_id)
        return {region: self._cloud.tombstones(region, ids) for region, ids in asked.items()}


class _DifferenceDecider:
    """Decides about the differences of one walk."""

    def __init__(
        self,
        aims: Sequence[WildcardScope],
        listings: RegionListings,
        later: DeferredSpool,
        planner: WildcardPlanner,
        share_of: Collection[str] | None,
    ) -> None:
        self.forced = ForcedCopies()
        self.in_sync: Counter[str] = Counter()
        self._moved: dict[tuple[str, str], Item] = {}
        self._aims = aims
        self._listings = listings
        self._later = later
        self._planner = planner
        self._share_of = share_of

    def decide(self, batch: Sequence[Difference]) -> list[PlannedItem]:
        """Decide about some differences; what needs the walk's end is put off."""
        self._index_forced()
        burnt = self._planner.burnt(
            [(target, one.source["id"]) for one in batch for target in one.missing]
        )
        decided = []
        for one in batch:
            aim = one.aim
            if not isinstance(aim, WildcardScope):
                raise TypeError("These differences are another planner's")
            self.in_sync.update(one.in_sync)
            for target in (*one.missing, *one.verdicts):
                situation = self._situation(target, one.source, one.copies.get(target), burnt)
                item = self._planner.decide(aim.sync_set, one.source, one.source_region, situation)
                if references.needs_references(one.source, item) or self._may_be_hidden(one, item):
                    self._defer(one, target)
                elif not self._count(item) and self._is_wanted(one.copies, target):
                    decided.append((aim.sync_set, item))
        return decided

    def _is_wanted(self, copies: Copies, target: str) -> bool:
        """Whether an image that is not in order in a target is to get an item there.

        Where only some regions' share is planned, it is if one of them is the target, or has a
        copy for whose sake a set means the image.
        """
        if self._share_of is None or target in self._share_of:
            return True
        return any(
            region in copies and aim.matches(copies[region])
            for aim in self._aims
            if target in aim.targets
            for region in self._share_of
            if region in aim.sources
        )

    def decide_later(
        self, batch: Sequence[Deferred], finder: references.ReferenceResolver
    ) -> list[PlannedItem]:
        """Decide about what was put off; what it refers to comes first."""
        sets = [aim.sync_set for aim in self._aims]
        burnt = self._planner.burnt([(one.target, one.source["id"]) for one in batch])
        unwanted = [one for one in batch if not one.wanted]
        named = finder.find(unwanted, self._moved)
        for one in unwanted:
            self._count(self._decide_pending(one, burnt, named))
        batch = [one for one in batch if one.wanted]
        named = finder.find(batch, self._moved)
        decided: list[PlannedItem] = []
        for missing, situation in named.missing_sources():
            item = self._planner.decide(
                sets[missing.index], missing.source, missing.source_region, situation
            )
            named.record(item)
            decided.append((sets[missing.index], item))
        decided += [(sets[index], item) for index, item in named.unresolvable()]
        for one in batch:
            item = self._decide_pending(one, burnt, named)
            if not self._count(item):
                decided.append((sets[one.index], references.with_rank(item, one.source)))
        return decided

    def _decide_pending(
        self,
        one: Deferred,
        burnt: Mapping[str, Mapping[str, str]],
        named: references.ResolvedReferences,
    ) -> Item:
        return self._planner.decide(
            self._aims[one.index].sync_set,
            one.source,
            one.source_region,
            self._situation(one.target, one.source, one.copy, burnt),
            named.for_image(one),
        )

    def _count(self, item: Item) -> bool:
        """Count an image that is in order, which needs no item.

        :returns: whether it is.
        """
        if item.outcome is None or item.outcome.reason != "in_sync":
            return False
        self.in_sync[item.target_region] += 1
        if item.target_resource != item.resource:
            # What refers to it has to know under which id it is there.
            self._moved[item.target_region, item.resource] = item
        return True

    def _index_forced(self) -> None:
        """Take over what the regions listed, once."""
        for region, images in self._listings.forced.items():
            while images:
                self.forced.add(region, images.popitem()[1])

    def _situation(
        self,
        target: str,
        source: Image,
        copy: Image | None,
        burnt: Mapping[str, Mapping[str, str]],
    ) -> TargetState:
        images, before = self.forced.copies_of(target, source["id"])
        own = {source["id"]: copy} if copy is not None else {}
        return TargetState(target, {**images, **own}, {**burnt.get(target, {}), **before})

    def _may_be_hidden(self, one: Difference, item: Item) -> bool:
        """Whether a forced copy may turn up among the hidden images, which no list names."""
        if not one.source.get("os_hidden"):
            return False
        forced = item.work and (item.work.forced or item.work.fallback)
        return bool(forced or (item.outcome and item.outcome.reason in UNUSABLE))

    def _defer(self, one: Difference, target: str) -> None:
        index = next(i for i, aim in enumerate(self._aims) if aim is one.aim)
        copy = one.copies.get(target)
        wanted = self._is_wanted(one.copies, target)
        self._later.put(Deferred(index, one.source_region, one.source, target, copy, wanted))


def _done(
    decided: Mapping[str, Collection[str]], rest: PlanCursor | None
) -> HandledTargets | None:
    if not decided and rest is None:
        return None

    def done(aim: Scope, image_id: str, copies: Copies) -> set[str]:
        before = set(decided.get(image_id, ()))
        return before.union(rest.handled_targets(aim, image_id, copies)) if rest else before

    return done


def _problems(listings: RegionListings) -> Iterator[tuple[str, Item]]:
    """Yield an item for each region that could not be compared, or not completely."""
    for region, problem in listings.problems.items():
        yield region, Item(ALL, ALL, region).with_outcome(problem)


def _set_for(region: str, sets: Sequence[SyncSet]) -> SyncSet:
    """Return the first set that has a region as a target, or else as a source."""
    return min(sets, key=lambda each: (region not in each.targets, region not in each.sources))
