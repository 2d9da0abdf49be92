"""Plans the items of a request, before anything is written.

An item is one image in one target region.  An image and region that several sets ask for is one
item, and the first set counts.  If a set names the image by id, the image has an item even if a
wildcard set is the first.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from kingbird.sync.finding import FindingLog, finding_of
from kingbird.sync.item import Item
from kingbird.sync.plan import data
from kingbird.sync.plan.by_id import ByIdPlanner
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.plan.order import in_order
from kingbird.sync.plan.same_name import SameNames
from kingbird.sync.plan.wildcard import WildcardPlanner
from kingbird.sync.request import SyncSet


def _by_id(sets: Sequence[SyncSet]) -> Iterator[SyncSet]:
    """Yield the sets of images by id, and wildcard sets as far as they may select these images.

    The sets of a retry come this way.
    """
    named = [one for one in sets if not one.is_wildcard and one.force_mode is None]
    for one in sets:
        if not one.is_wildcard:
            yield one
            continue
        for other in named:
            targets = [target for target in one.targets if target in other.targets]
            if targets:
                yield one.limited_to(other.resources, targets, optional=True)


class Planner:
    """Plans one job, or a part of it.

    :param slow_region_timeout: seconds after which a region much slower than the others is left
        to another part of the plan.  ``None`` plans everything but what waits for a region that
        is away; a region whose ids do not ascend is walked through twice.
    :ivar in_sync: the number of images in sync that have no item, by target region.
    :ivar no_data: the number of those that are in sync but for their data, by target region.
    :ivar findings: what was found of each image, to be taken with each batch.
    :ivar next_cursor: the end of this part after the last batch, or ``None`` if nothing is left.
    """

    def __init__(self, context: PlanContext, *, slow_region_timeout: float | None = None) -> None:
        self.in_sync: Counter[str] = Counter()
        self.no_data: Counter[str] = Counter()
        self.findings = FindingLog()
        self.next_cursor: PlanCursor | None = None
        self._walk: WildcardPlanner | None = None
        self._context = context
        self._slow_region_timeout = slow_region_timeout

    def in_sync_so_far(self) -> Counter[str]:
        """Return the number of images in sync among those that were compared, by region."""
        return self.in_sync + (self._walk.in_sync_so_far() if self._walk else Counter())

    def plan(
        self,
        sets: Sequence[SyncSet],
        cursor: PlanCursor | None = None,
        known: Mapping[str, Collection[str]] | None = None,
        retried_regions: Collection[str] | None = None,
    ) -> Iterator[list[Item]]:
        """Yield the items in batches; images that others refer to come before them.

        Makes list calls only.  The context's ``planned`` has to find the items of a batch when the
        next batch is asked for.

        :param cursor: the end of an earlier part of the plan.
        :param known: target regions that wildcard sets leave out, by image.
        :param retried_regions: see :class:`kingbird.sync.plan.wildcard.WildcardPlanner`.
        """
        with SameNames(self._context) as same_names:
            yield from self._plan(sets, cursor, known, retried_regions, same_names)

    def _plan(
        self,
        sets: Sequence[SyncSet],
        cursor: PlanCursor | None,
        known: Mapping[str, Collection[str]] | None,
        retried_regions: Collection[str] | None,
        same_names: SameNames,
    ) -> Iterator[list[Item]]:
        by_id = list(_by_id(sets))
        wildcard = [one for one in sets if one.is_wildcard]
        # A region that lagged once is waited for.
        timeout = None if cursor else self._slow_region_timeout
        regions = {name for one in sets for name in one.regions} & self._context.regions.keys()
        calls = self._context.calls.for_part(regions, timeout)
        handled = dict(known or {})
        for one in by_id if wildcard else ():
            for resource in one.resources:
                # A large job has many, and most of them have the same targets: no set for each.
                before = handled.get(resource, ())
                handled[resource] = {*before, *one.targets} if before else one.targets
        first = ByIdPlanner(
            dataclasses.replace(self._context, calls=calls), same_names, resumes=bool(cursor)
        )
        for batch in first.plan(by_id):
            for _, item in batch if wildcard else ():
                before = handled.get(item.resource, ())
                if item.target_region not in before:
                    # It came along with another image.
                    handled[item.resource] = {*before, item.target_region}
            yield self._complete(batch)
        while wildcard and (cursor is None or cursor.concerns(wildcard)):
            planner = WildcardPlanner(
                self._context,
                wildcard,
                same_names,
                calls=calls,
                cursor=cursor,
                retried_regions=retried_regions,
                findings=self.findings,
            )
            self._walk = planner
            for batch in planner.plan(handled):
                if batch or not self.findings.is_empty:
                    yield self._complete(batch)
            self._walk = None
            self.in_sync += planner.in_sync
            self.no_data += planner.no_data
            cursor = planner.next_cursor and planner.next_cursor.after(cursor)
            waits = cursor is not None and calls.away.issuperset(cursor.covered_to)
            if cursor is None or waits or self._slow_region_timeout is not None:
                self.next_cursor = cursor
                break
        if first.is_deferred:
            # The images of wildcard sets have been compared, unless the walk has left a rest.
            rest = self.next_cursor or PlanCursor({}, earlier=(PlanCursor({}),))
            covered = {**dict.fromkeys(calls.lagging, ""), **rest.covered_to}
            self.next_cursor = dataclasses.replace(rest, covered_to=covered)

    def _complete(self, batch: Iterable[tuple[SyncSet, Item]]) -> list[Item]:
        """Settle the data of items, end those of a dry run, and note what was found."""
        items = [
            item.as_dry_run() if one.dry_run else item
            for one, item in (
                (one, data.settled(item) if one.imports else item) for one, item in batch
            )
        ]
        for item in items:
            self.findings.add(finding_of(item))
        return [in_order(item) for item in items]
