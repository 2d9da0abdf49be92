"""Plans wildcard sets: compares whole regions, and decides about the differences."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from kingbird.batching import batched
from kingbird.states import ALL, Reason
from kingbird.sync import image as fields
from kingbird.sync.finding import FindingLog
from kingbird.sync.image import Image
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
    UNUSABLE,
    Outcome,
    id_claimed,
)
from kingbird.sync.plan import references
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.coverage import WalkCoverage
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.plan.list_filters import filters_of
from kingbird.sync.plan.missing_copies import MissingCopies
from kingbird.sync.plan.name_queue import NameQueue
from kingbird.sync.plan.orphan_guard import OrphanGuard
from kingbird.sync.plan.orphans import OrphanFinder, orphaned, revival
from kingbird.sync.plan.same_name import ItemOfSet, SameNames
from kingbird.sync.plan.spool import BATCH, Deferred, DeferredSpool
from kingbird.sync.plan.targets import is_forced_copy
from kingbird.sync.plan.wildcard_deferred import DeferredPlanner
from kingbird.sync.plan.wildcard_items import WildcardItems
from kingbird.sync.request import SyncSet, WildcardScope

#: Items or findings that wait to be stored with the stretch of their images.
CHECKED = 500


class WildcardPlanner:
    """Plans the wildcard sets of a job with one walk through each region.

    :param calls: the calls that list the regions; a region that lags is left to another part of
        the plan.
    :param cursor: the end of an earlier part of the plan, if there is one.
    :param retried_regions: regions to which a retry is limited.  Only images that are in one of
        them, or missing there, get items; images in sync are counted in all targets.
    :param findings: takes what is found of each image.
    :ivar in_sync: the number of images in sync that have no item, by region.
    :ivar no_data: the number of those that are in sync but for their data, by region.
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
        findings: FindingLog,
    ) -> None:
        self.next_cursor: PlanCursor | None = None
        self._context = context
        self._same_names = same_names
        self._scopes = [WildcardScope(one, context.caller) for one in sets]
        self._items = WildcardItems(context, self._scopes, findings)
        self._deferred = DeferredPlanner(context, self._scopes, self._items, same_names)
        self.in_sync = self._items.in_sync
        self.no_data = self._items.no_data
        self._calls = calls
        self._cursor = cursor
        self._filters = filters_of(self._scopes)
        self._targets = {name for scope in self._scopes for name in scope.targets}
        #: Items of the first part for the images that are being compared, by target region.
        self._planned: Mapping[str, Collection[str]] = {}
        self._retried_regions = retried_regions
        self._differ: Differ | None = None
        self._findings = findings
        self._coverage = WalkCoverage(
            context, self._scopes, findings, is_partial=retried_regions is not None
        )
        self._orphans = OrphanFinder(context)

    def in_sync_so_far(self) -> Counter[str]:
        """Return the number of images in sync among those that were compared, by region."""
        return self.in_sync + (self._differ.in_sync if self._differ else Counter())

    def plan(self, handled: Mapping[str, Collection[str]]) -> Iterator[list[ItemOfSet]]:
        """Yield batches of items, each with its set.  Makes list calls only.

        :param handled: targets that need no plan, by image.
        """
        listings = self._listings = self._start_listings()
        self._items.problems = listings.problems
        differ = self._differ = Differ(
            self._scopes,
            self._context.rules,
            listings,
            handled=self._handled_targets(handled),
            is_forced=is_forced_copy,
        )
        missing = MissingCopies(
            self._context,
            self._scopes,
            listings,
            calls=self._calls,
            known_targets=partial(self._known_targets, handled),
            needs_item=self._needs_item,
        )
        with ExitStack() as stack:
            stack.callback(self._items.forced.close)
            stack.callback(self._items.moved.close)
            deferred = stack.enter_context(DeferredSpool())
            found = stack.enter_context(DeferredSpool())
            self._guard = OrphanGuard(self._context, self._scopes, found)
            differences = differ.differences(self._read_pages(listings, missing))
            planned: list[ItemOfSet] = []
            names = NameQueue()
            for batch in batched(differences, BATCH):
                planned += self._decide(batch, deferred)
                # Of the last image there may be more.
                last = batch[-1].source["id"].lower()
                if self._coverage.is_due(len(planned), CHECKED):
                    ready = names.pass_on(planned)
                    self._coverage.advance(last, listings, names.held)
                    yield self._same_names.check(ready)
                    planned = []
            self._coverage.finish(listings)
            yield self._same_names.check([*names.take_all(), *planned])
            del planned
            yield from self._deferred.plan(deferred, stack)
            yield from self._guard.items(listings)
        self.in_sync.update(differ.in_sync)
        self._differ = None
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
        return RegionListings(
            {name: self._context.regions.get(name) for name in regions},
            calls=self._calls,
            forced_regions=self._targets,
            note_forced=self._items.forced.add,
            filters=self._filters.by_region,
            narrowed=self._filters.narrowed,
            owners=self._filters.owners,
            unsorted_regions=self._cursor.unsorted if self._cursor else (),
        )

    def _handled_targets(self, handled: Mapping[str, Collection[str]]) -> HandledTargets | None:
        cursor = self._cursor
        if not handled and cursor is None:
            return None

        def targets(scope: Scope, image_id: str, copies: Copies) -> set[str]:
            before = self._known_targets(handled, image_id)
            if cursor:
                before.update(cursor.handled_targets(scope, image_id, copies))
            return before

        return targets

    def _known_targets(self, handled: Mapping[str, Collection[str]], image_id: str) -> set[str]:
        """Return the targets that have an item for an image, or need none."""
        planned = (name for name, ids in self._planned.items() if image_id in ids)
        return {*handled.get(image_id, ()), *planned}

    def _read_pages(
        self, listings: RegionListings, missing: MissingCopies
    ) -> Iterator[MergedPage]:
        """Yield the regions' pages, whose forced copies are indexed before they are compared."""
        for page in missing.gather(merge_by_id(listings.streams())):
            for region, images in page.images.items():
                self._items.forced.add(region, images.values())
            if self._cursor:
                # Records that the first part planned may have been created meanwhile.
                ids = {image["id"] for images in page.images.values() for image in images.values()}
                self._planned = {
                    name: {one.lower() for one in self._context.planned(name, ids)}
                    for name in self._targets
                }
            missing.add_to(page)
            if not page.ids:
                continue
            self._coverage.look(page, listings)
            self._guard.look(page)
            yield page
            # The next pages are parsed before the names are bound anew.
            del page, images

    def _decide(self, batch: Sequence[Difference], deferred: DeferredSpool) -> list[ItemOfSet]:
        """Decide about differences; defer those that need to know all images."""
        unusable = self._items.unusable(
            (target, one.source["id"]) for one in batch for target in one.missing
        )
        gone, originals = self._orphans.find(
            (one.source_region, one.source)
            for one in batch
            if not one.claimed_by and self._may_be_orphan(one)
        )
        candidates = {
            id(one): self._candidates(one) for one in batch if one.source["id"] not in gone
        }
        self._items.list_members(each for some in candidates.values() for each in some)
        planned = []
        for one in batch:
            image_id = one.source["id"]
            if outcome := gone.get(image_id):
                planned += self._orphaned(one, outcome)
                continue
            revived = self._revived(one, originals.get(image_id))
            planned += revived.values()
            if fields.is_marked(one.source, one.source_region) or Reason.ORPHANED in {
                found.reason for found in one.comparisons.values()
            }:
                # Its original is there, and the set does not select it.
                continue
            self.in_sync.update(one.in_sync)
            planned += self._without_data(one)
            for candidate in candidates.get(id(one), ()):
                target = candidate.target
                if target in revived or self._stays_hidden(one, target):
                    continue
                item = self._items.item(candidate, unusable)
                seen = item.seen
                if one.claimed_by:
                    claimed = id_claimed(one.claimed_by, source=one.source_region)
                    item = Item(item.resource, item.source_region, target, name=item.name)
                    item = dataclasses.replace(item.with_outcome(claimed), seen=seen)
                elif references.needs_references(one.source, item) or _may_be_forced(item):
                    deferred.put(candidate)
                    self._coverage.leave_out(one.source["id"], target)
                    continue
                if not self._items.count_in_sync(item, one.index) and candidate.needs_item:
                    planned.append((self._scopes[one.index].sync_set, item))
        return planned

    def _candidates(self, one: Difference) -> list[Deferred]:
        """Return an image in each target where it is missing or may not be in sync."""
        return [
            Deferred(
                one.index,
                one.source_region,
                one.source,
                target,
                one.copies.get(target),
                self._needs_item(one.copies, target),
                self._is_asked_for_twice(one.copies, target),
                one.doubtful,
            )
            for target in (*one.missing, *one.comparisons)
        ]

    def _may_be_orphan(self, one: Difference) -> bool:
        """Return whether a source is a copy, and its home was not seen to have the image."""
        home = fields.home_of(one.source, one.source_region)
        if home is None or home in one.copies:
            return False
        gaps = (self._listings.problems, self._listings.lagging)
        return not any(home in some for some in gaps) or fields.is_marked(
            one.source, one.source_region
        )

    def _orphaned(self, one: Difference, outcome: Outcome) -> list[ItemOfSet]:
        """Return the items of an image that its home has no more: nothing is copied of it."""
        sync_set = self._scopes[one.index].sync_set
        targets = dict.fromkeys((*one.comparisons, *one.missing, *one.in_sync, *one.no_data))
        planned = []
        for target in targets:
            if not self._needs_item(one.copies, target):
                continue
            copy, source = one.copies.get(target), (one.source, one.source_region)
            is_gone = outcome.reason == Reason.ORPHANED and not outcome.is_doubtful
            if copy and is_gone and self._guard.takes(one.index, *source, target, copy):
                self._coverage.leave_out(one.source["id"], target)
                continue
            planned.append((sync_set, orphaned(*source, target, copy, outcome)))
        return planned

    def _revived(self, one: Difference, original: Image | None) -> dict[str, ItemOfSet]:
        """Return the items of copies that were hidden as orphans, and are none, by target."""
        if one.claimed_by:
            return {}
        sync_set = self._scopes[one.index].sync_set
        items = {target: revival(one.copies, target, [original]) for target in one.comparisons}
        return {
            target: (sync_set, item)
            for target, item in items.items()
            if item is not None and self._needs_item(one.copies, target)
        }

    def _stays_hidden(self, one: Difference, target: str) -> bool:
        """Return whether a copy was hidden as an orphan, and nothing tells that it is none."""
        copy = one.copies.get(target)
        is_own = copy is not None and copy.get("owner") == one.source.get("owner")
        if copy is None or not is_own or not fields.is_marked(copy, target):
            return False
        self._coverage.leave_out(one.source["id"], target)
        return True

    def _without_data(self, one: Difference) -> list[ItemOfSet]:
        """Count copies in sync that are not active; in a dry run they have items."""
        planned: list[ItemOfSet] = []
        sync_set = self._scopes[one.index].sync_set
        for target in one.no_data:
            copy = one.copies[target]
            if sync_set.dry_run and self._needs_item(one.copies, target):
                item = self._items.item(
                    Deferred(one.index, one.source_region, one.source, target, copy), {}
                )
                planned.append((sync_set, item))
                continue
            self.no_data[target] += 1
            self._findings.add_without_data(one.source, one.source_region, target, copy)
        return planned

    def _is_asked_for_twice(self, copies: Copies, target: str) -> bool:
        """Return whether several sets select an image for a target."""
        scopes = [scope for scope in self._scopes if target in scope.targets]
        return len(scopes) > 1 and len([one for one in scopes if one.choose_source(copies)]) > 1

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
