"""Plans the namespaces of a request, before anything is written.

Each region is listed once.  The time at which Glance says that a namespace was changed does not
move with its parts, so each namespace is read in its source and in each target that has it.

A region that is away is left to a later part of the plan (:mod:`.part`).
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass

from kingbird import exception
from kingbird.resource_keys import key_of
from kingbird.states import ALL, Reason, ResourceType
from kingbird.stretch import Stretch
from kingbird.sync.finding import END, FindingLog
from kingbird.sync.listing.calls import RegionLags
from kingbird.sync.metadefs import item as items
from kingbird.sync.metadefs import sources
from kingbird.sync.metadefs.finding import finding_of, gone
from kingbird.sync.metadefs.item import NamespaceItem
from kingbird.sync.metadefs.namespace import (
    NAME,
    OWNER,
    Namespace,
    is_namespace,
    problem_of,
)
from kingbird.sync.metadefs.part import Part
from kingbird.sync.metadefs.wanted import Answer, Read, Wanted
from kingbird.sync.outcome import NO_ENDPOINT, SEVERAL_SETS, Outcome, region_failure
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.planned import NONE
from kingbird.sync.request import SyncSet

#: Namespaces that are read, and items in a batch, at a time: each may be large.
BATCH = 50
#: Errors of a region that concern what was asked of it, not the job.
_FAILED = (exception.RegionUnavailable, exception.ImageRequestRejected)


@dataclass(frozen=True)
class _Lists:
    """The lists of the regions.

    :ivar names: the namespaces of each region, by key.
    :ivar errors: the errors of the other regions.
    """

    names: dict[str, dict[str, Namespace]]
    errors: dict[str, exception.KingbirdError]


class MetadefPlanner:
    """Plans one job about namespaces, or a part of it.

    :ivar in_sync: the number of namespaces in sync that have no item, by target region.
    :ivar no_data: nothing: namespaces have no data.
    :ivar findings: what was found of each namespace, to be taken with each batch.
    :ivar next_cursor: the end of this part after the last batch, or ``None`` if nothing is left.
        A region that is slow is waited for, and one that is away is not.
    """

    def __init__(self, context: PlanContext) -> None:
        self.in_sync: Counter[str] = Counter()
        self.no_data: Counter[str] = Counter()
        self.findings = FindingLog()
        self.next_cursor: PlanCursor | None = None
        self._context = context
        self._is_retry = False

    def in_sync_so_far(self) -> Counter[str]:
        """Return the number of namespaces in sync without an item, by target region."""
        return Counter(self.in_sync)

    def plan(
        self,
        sets: Sequence[SyncSet],
        cursor: PlanCursor | None = None,
        known: Mapping[str, Collection[str]] | None = None,
        retried_regions: Collection[str] | None = None,
    ) -> Iterator[list[NamespaceItem]]:
        """Yield the items in batches.  Makes list and read calls only.

        :param cursor: the end of an earlier part of the plan.
        :param known: target regions that wildcard sets leave out, by key.
        """
        self._is_retry = known is not None
        part = Part(sets, cursor, self._context.calls)
        lists = self._list(part)
        yield self._decide_all(part, self._regions_not_compared(part, lists))
        wanted = list(self._wanted(part, lists, known or {}))
        for first in range(0, max(len(wanted), 1), BATCH):
            decided = self._decide_all(part, wanted[first : first + BATCH])
            if first + BATCH >= len(wanted) and known is None and retried_regions is None:
                self._cover(part, lists)
            yield decided
        for target in [name for name in self.in_sync if not part.is_complete(name)]:
            # A later part compares all of it.
            del self.in_sync[target]
        self.next_cursor = part.end()

    def _cover(self, part: Part, lists: _Lists) -> None:
        """Note what was compared completely, so that states of what is gone can be deleted."""
        for one in part.sets:
            if one.is_wildcard:
                sources, targets = (
                    [name for name in names if name in lists.names]
                    for names in (one.sources, filter(part.is_complete, one.targets))
                )
                self.findings.cover(Stretch("", END, sources, targets, all_projects=True))

    # Lists.

    def _list(self, part: Part) -> _Lists:
        """List the namespaces of all regions at the same time."""
        regions = {name for one in part.sets for name in one.regions}
        calls, known = part.calls, self._context.regions
        running = {
            region: calls.begin(region, known[region].metadefs.list_namespaces)
            for region in sorted(regions)
            if region in known
        }
        found = _Lists({}, {})
        for region in regions:
            if region not in known:
                found.errors[region] = exception.RegionUnavailable(NO_ENDPOINT.format(region))
        try:
            for region, call in running.items():
                try:
                    names = calls.wait(region, call)
                except _FAILED as error:
                    found.errors[region] = error
                else:
                    calls.listed[region] += len(names)
                    by_key = {key_of(ResourceType.METADEF, one[NAME]): one for one in names}
                    found.names[region] = by_key
        finally:
            _cancel(running.values())
        return found

    @staticmethod
    def _regions_not_compared(part: Part, lists: _Lists) -> list[NamespaceItem]:
        """Return an item for each region that a wildcard could not compare."""
        walks = [one for one in part.sets if one.is_wildcard]
        found = []
        for region in dict.fromkeys(name for one in walks for name in one.regions):
            if region in lists.errors and region not in part.away:
                problem = region_failure(lists.errors[region])
                item = NamespaceItem(ALL, ALL, region).with_outcome(problem)
                dry = all(one.dry_run for one in part.sets if region in one.regions)
                found.append(item.as_dry_run() if dry else item)
        return found

    # Selection.

    def _wanted(
        self,
        part: Part,
        lists: _Lists,
        known: Mapping[str, Collection[str]],
    ) -> Iterator["Wanted | NamespaceItem"]:
        """Yield what each set selects in each target, or the item of what needs no look.

        A namespace and region that several sets ask for is one item, and the first set counts.
        """
        asked = Counter(
            (key, target)
            for one in part.sets
            if not one.is_wildcard
            for key in one.resources
            for target in one.targets
        )
        seen: set[tuple[str, str]] = set()
        for one in part.sets:
            there = {name: lists.names[name] for name in one.sources if name in lists.names}
            keys = one.resources
            if one.is_wildcard:
                names = {key: each[NAME] for some in there.values() for key, each in some.items()}
                keys = tuple(sorted(names, key=lambda key: names[key]))
            for key in keys:
                for target in one.targets:
                    left_out = one.is_wildcard and target in known.get(key, ())
                    if (key, target) in seen or left_out:
                        continue
                    found = self._select(part, one, key, target, there, lists)
                    if found is None:
                        continue
                    seen.add((key, target))
                    if asked[key, target] > 1 and isinstance(found, NamespaceItem):
                        found = _noted(found)
                    elif asked[key, target] > 1 and isinstance(found, Wanted):
                        found = dataclasses.replace(found, is_repeated=True)
                    yield found

    def _select(
        self,
        part: Part,
        one: SyncSet,
        key: str,
        target: str,
        there: Mapping[str, Mapping[str, Namespace]],
        lists: _Lists,
    ) -> "Wanted | NamespaceItem | None":
        copies = {region: names[key] for region, names in there.items() if key in names}
        source = sources.choose(copies, one.preferred)
        failed = [name for name in one.sources if name not in there]
        is_there = key in lists.names.get(target, ())
        if part.defers(one, source, target, is_there=is_there):
            return None
        if source == target:
            owner = copies[source].get(OWNER)
            in_order = NamespaceItem(key, source, target, name=copies[source][NAME])
            in_order = in_order.with_outcome(Outcome(Reason.IN_SYNC))
            self.findings.add(finding_of(in_order, owner, is_there=True))
            # The item of a retry is there, and was copied from another source before.
            return in_order if self._is_retry and not one.is_wildcard else None
        if source is None:
            item = NamespaceItem(key, one.sources[0], target, name=one.names.get(key))
            if not failed:
                for region in one.sources:
                    self.findings.add(gone(item, region))
                return _ended(one, item, items.gone(" or ".join(one.sources)))
            return _ended(one, item, region_failure(lists.errors[failed[0]]))
        name = copies[source][NAME]
        item = NamespaceItem(key, source, target, name=name)
        sentence = problem_of(name)
        owner = copies[source].get(OWNER)
        if sentence:
            problem = Outcome(Reason.INVALID, sentence)
            if target in lists.names and not is_there:
                self.findings.add(finding_of(item.with_outcome(problem), owner, is_there=False))
            return _ended(one, item, problem)
        if target in lists.errors:
            # One item tells it of all namespaces that a wildcard selects.
            problem = region_failure(lists.errors[target])
            if one.is_wildcard:
                return None
            self.findings.add(finding_of(item.with_outcome(problem), owner, is_there=False))
            return _ended(one, item, problem)
        doubted = failed[0] if failed else None
        return Wanted(one, key, name, owner, source, target, is_there, doubted)

    # Decisions.

    def _planned(self, batch: "Sequence[Wanted | NamespaceItem]") -> set[tuple[str, str]]:
        """Return the keys and targets of a batch that an earlier part has items of."""
        keys: dict[str, set[str]] = {}
        for one in batch:
            keys.setdefault(one.target_region, set()).add(one.resource)
        found = {target: self._context.planned(target, some) for target, some in keys.items()}
        return {(key, target) for target, some in found.items() for key in some}

    def _decide_all(
        self, part: Part, batch: "Sequence[Wanted | NamespaceItem]"
    ) -> list[NamespaceItem]:
        """Read the namespaces of a batch, and decide about each one."""
        read = self._read(part, [one for one in batch if isinstance(one, Wanted)])
        planned = self._planned(batch) if part.follows else ()
        decided: list[NamespaceItem] = []
        for one in batch:
            is_planned = (one.resource, one.target_region) in planned
            item = self._item(part, one, read) if isinstance(one, Wanted) else one
            if item is None or is_planned:
                continue
            if isinstance(one, Wanted):
                if one.sync_set.is_wildcard and _is_in_sync(item):
                    self.in_sync[one.target_region] += 1
                    continue
                item = _noted(item) if one.is_repeated else item
                item = item.as_dry_run() if one.sync_set.dry_run else item
            decided.append(item)
        return decided

    def _read(self, part: Part, wanted: Sequence[Wanted]) -> Read:
        """Read namespaces and their copies at the same time."""
        calls, known = part.calls, self._context.regions
        running = {
            (region, name): calls.begin(region, known[region].metadefs.get, name)
            for region, name in dict.fromkeys(place for one in wanted for place in one.places)
        }
        read: dict[tuple[str, str], Answer] = {}
        try:
            for (region, name), call in running.items():
                try:
                    if region in part.away:
                        raise RegionLags(region)
                    found = calls.wait(region, call)
                    if found is not None and not is_namespace(found):
                        found = exception.RegionUnavailable(
                            f"Region {region} shows a namespace of an unknown form"
                        )
                    read[region, name] = found
                except _FAILED as error:
                    read[region, name] = error
        finally:
            _cancel(running.values())
        return read

    def _item(self, part: Part, one: Wanted, read: Read) -> NamespaceItem | None:
        """Return the item of a namespace, or ``None`` if it is left to a later part."""
        if any(isinstance(answer, RegionLags) for answer in one.answers(read)):
            part.defer()
            return None
        item = one.decide(read)
        if item.outcome and item.outcome.reason == Reason.SOURCE_GONE:
            self.findings.add(gone(item, one.source))
        else:
            is_there = item.target_resource is not None
            self.findings.add(finding_of(item, one.owner, is_there=is_there))
        return item


def _ended(one: SyncSet, item: NamespaceItem, outcome: Outcome) -> NamespaceItem:
    item = item.with_outcome(outcome)
    return item.as_dry_run() if one.dry_run else item


def _is_in_sync(item: NamespaceItem) -> bool:
    return item.action == NONE and item.outcome is not None and item.outcome.reason == "in_sync"


def _noted(item: NamespaceItem) -> NamespaceItem:
    if item.outcome is None:
        return item
    return dataclasses.replace(item, outcome=item.outcome.with_note(SEVERAL_SETS))


def _cancel(calls: "Collection[futures.Future[object]]") -> None:
    """Leave the regions' workers to other jobs."""
    for call in calls:
        call.cancel()
