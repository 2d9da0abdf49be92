"""Plans the namespaces of a request, before anything is written.

Each region is listed once.  The time at which Glance says that a namespace was changed does not
move with its parts, so each namespace is read in its source and in each target that has it.
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
from kingbird.sync.metadefs import compare, sources
from kingbird.sync.metadefs import item as items
from kingbird.sync.metadefs.compare import Step
from kingbird.sync.metadefs.finding import finding_of, gone
from kingbird.sync.metadefs.item import NamespaceItem, NamespaceSpec
from kingbird.sync.metadefs.namespace import (
    NAME,
    OWNER,
    Namespace,
    is_namespace,
    problem_of,
    record_for,
)
from kingbird.sync.outcome import NO_ENDPOINT, SEVERAL_SETS, Outcome, region_failure
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.planned import CREATE, NONE, UPDATE
from kingbird.sync.request import SyncSet

#: Namespaces that are read, and items in a batch, at a time: each may be large.
BATCH = 50
#: Errors of a region that concern what was asked of it, not the job.
_FAILED = (exception.RegionUnavailable, exception.ImageRequestRejected)


@dataclass(frozen=True)
class _Lists:
    """What the regions have listed.

    :ivar names: the namespaces of each region, by key.
    :ivar errors: the errors of the other regions.
    """

    names: dict[str, dict[str, Namespace]]
    errors: dict[str, exception.KingbirdError]


@dataclass(frozen=True)
class _Wanted:
    """A namespace that a set selects in one target region."""

    sync_set: SyncSet
    key: str
    name: str
    owner: str | None
    source: str
    target: str
    is_there: bool
    is_doubted: str | None = None
    is_repeated: bool = False


class MetadefPlanner:
    """Plans one job about namespaces.

    :ivar in_sync: the number of namespaces in sync that have no item, by target region.
    :ivar no_data: nothing: namespaces have no data.
    :ivar findings: what was found of each namespace, to be taken with each batch.
    :ivar next_cursor: ``None``: a plan has one part.
    """

    def __init__(self, context: PlanContext) -> None:
        self.in_sync: Counter[str] = Counter()
        self.no_data: Counter[str] = Counter()
        self.findings = FindingLog()
        self.next_cursor: PlanCursor | None = None
        self._context = context

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

        :param known: target regions that wildcard sets leave out, by key.
        """
        lists = self._list({name for one in sets for name in one.regions})
        yield self._regions_not_compared(sets, lists)
        wanted = list(self._wanted(sets, lists, known or {}))
        for first in range(0, max(len(wanted), 1), BATCH):
            decided = self._decide_all(wanted[first : first + BATCH])
            if first + BATCH >= len(wanted) and known is None and retried_regions is None:
                self._cover(sets, lists)
            yield decided

    def _cover(self, sets: Sequence[SyncSet], lists: _Lists) -> None:
        """Note what was compared completely, so that states of what is gone can be deleted."""
        for one in sets:
            if one.is_wildcard:
                sources, targets = (
                    [name for name in names if name in lists.names]
                    for names in (one.sources, one.targets)
                )
                self.findings.cover(Stretch("", END, sources, targets, all_projects=True))

    # Lists.

    def _list(self, regions: Collection[str]) -> _Lists:
        """List the namespaces of all regions at the same time."""
        calls, known = self._context.calls, self._context.regions
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
    def _regions_not_compared(sets: Sequence[SyncSet], lists: _Lists) -> list[NamespaceItem]:
        """Return an item for each region that a wildcard could not compare."""
        regions = dict.fromkeys(name for one in sets if one.is_wildcard for name in one.regions)
        found = []
        for region in regions:
            if region in lists.errors:
                problem = region_failure(lists.errors[region])
                item = NamespaceItem(ALL, ALL, region).with_outcome(problem)
                dry = all(one.dry_run for one in sets if region in one.regions)
                found.append(item.as_dry_run() if dry else item)
        return found

    # Selection.

    def _wanted(
        self,
        sets: Sequence[SyncSet],
        lists: _Lists,
        known: Mapping[str, Collection[str]],
    ) -> Iterator["_Wanted | NamespaceItem"]:
        """Yield what each set selects in each target, or the item of what needs no look.

        A namespace and region that several sets ask for is one item, and the first set counts.
        """
        asked = Counter(
            (key, target)
            for one in sets
            if not one.is_wildcard
            for key in one.resources
            for target in one.targets
        )
        seen: set[tuple[str, str]] = set()
        for one in sets:
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
                    found = self._select(one, key, target, there, lists)
                    if found is None:
                        continue
                    seen.add((key, target))
                    if asked[key, target] > 1 and isinstance(found, NamespaceItem):
                        found = _noted(found)
                    elif asked[key, target] > 1 and isinstance(found, _Wanted):
                        found = dataclasses.replace(found, is_repeated=True)
                    yield found

    def _select(
        self,
        one: SyncSet,
        key: str,
        target: str,
        there: Mapping[str, Mapping[str, Namespace]],
        lists: _Lists,
    ) -> "_Wanted | NamespaceItem | None":
        copies = {region: names[key] for region, names in there.items() if key in names}
        source = sources.choose(copies, one.preferred)
        failed = [name for name in one.sources if name not in there]
        if source == target:
            owner = copies[source].get(OWNER)
            in_order = NamespaceItem(key, source, target, name=copies[source][NAME])
            in_order = in_order.with_outcome(Outcome(Reason.IN_SYNC))
            self.findings.add(finding_of(in_order, owner, is_there=True))
            return None
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
        is_there = key in lists.names.get(target, ())
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
        return _Wanted(one, key, name, owner, source, target, is_there, doubted)

    # Decisions.

    def _decide_all(self, batch: "Sequence[_Wanted | NamespaceItem]") -> list[NamespaceItem]:
        """Read the namespaces of a batch, and decide about each one."""
        wanted = [one for one in batch if isinstance(one, _Wanted)]
        pairs = dict.fromkeys(
            pair
            for one in wanted
            for pair in (
                (one.source, one.name),
                *([(one.target, one.name)] if one.is_there else []),
            )
        )
        calls, known = self._context.calls, self._context.regions
        running = {
            pair: calls.begin(pair[0], known[pair[0]].metadefs.get, pair[1]) for pair in pairs
        }
        read: dict[tuple[str, str], Namespace | exception.KingbirdError | None] = {}
        try:
            for pair, call in running.items():
                try:
                    found = calls.wait(pair[0], call)
                    if found is not None and not is_namespace(found):
                        found = exception.RegionUnavailable(
                            f"Region {pair[0]} shows a namespace of an unknown form"
                        )
                    read[pair] = found
                except _FAILED as error:
                    read[pair] = error
        finally:
            _cancel(running.values())
        decided: list[NamespaceItem] = []
        for one in batch:
            if isinstance(one, NamespaceItem):
                decided.append(one)
                continue
            item = self._decide(one, read)
            if item.outcome and item.outcome.reason == Reason.SOURCE_GONE:
                self.findings.add(gone(item, one.source))
            else:
                is_there = item.target_resource is not None
                self.findings.add(finding_of(item, one.owner, is_there=is_there))
            if one.sync_set.is_wildcard and _is_in_sync(item):
                self.in_sync[one.target] += 1
                continue
            if one.is_repeated:
                item = _noted(item)
            decided.append(item.as_dry_run() if one.sync_set.dry_run else item)
        return decided

    def _decide(
        self,
        one: _Wanted,
        read: Mapping[tuple[str, str], Namespace | exception.KingbirdError | None],
    ) -> NamespaceItem:
        item = NamespaceItem(one.key, one.source, one.target, name=one.name)
        source = read[one.source, one.name]
        copy = read[one.target, one.name] if one.is_there else None
        for error in (source, copy):
            if isinstance(error, exception.KingbirdError):
                return item.with_outcome(region_failure(error))
        if not isinstance(source, dict) or source[NAME] != one.name:
            return item.with_outcome(items.gone(one.source))
        record = record_for(source)
        updates = one.sync_set.updates
        if not isinstance(copy, dict):
            work = NamespaceSpec(record, updates=updates)
            return dataclasses.replace(item, action=CREATE, work=work)
        item = dataclasses.replace(item, target_resource=one.key)
        if compare.has_other_owner(source, copy):
            return dataclasses.replace(item, target_resource=None).with_outcome(
                items.owner_conflict(one.target)
            )
        found = compare.compare(record, copy)
        if not found:
            return item.with_outcome(Outcome(Reason.IN_SYNC))
        if one.is_doubted:
            return item.with_outcome(_doubtful(one))
        return _with_work(item, record, found, updates=updates)


def _with_work(
    item: NamespaceItem,
    record: Namespace,
    found: Sequence[compare.Difference],
    *,
    updates: bool,
) -> NamespaceItem:
    """Return the item of a namespace that is there and not in order."""
    creates = compare.labels(found, Step.CREATE)
    changes = compare.labels(found, Step.CHANGE)
    left = compare.labels(found, Step.LEAVE)
    item = dataclasses.replace(item, differences=compare.differences(found))
    if not updates:
        changes, left = [], [*changes, *left]
    if not (creates or changes):
        message = items.differs(left, item.source_region)
        return item.with_outcome(Outcome(Reason.DRIFT, message, item.resource))
    work = NamespaceSpec(record, True, updates, creates, changes, left)
    return dataclasses.replace(item, action=UPDATE if changes else CREATE, work=work)


def _ended(one: SyncSet, item: NamespaceItem, outcome: Outcome) -> NamespaceItem:
    item = item.with_outcome(outcome)
    return item.as_dry_run() if one.dry_run else item


def _doubtful(one: _Wanted) -> Outcome:
    return Outcome(
        Reason.REGION_UNAVAILABLE,
        f"Nothing was changed from {one.source}, as the namespace may come from "
        f"{one.is_doubted}, which could not be asked",
        one.key,
        is_doubtful=True,
    )


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
