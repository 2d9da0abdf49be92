"""Turn what a comparison finds into rows of states, as many as a region may have."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from kingbird.batching import batched
from kingbird.db import api as db
from kingbird.states import ALL, CopyState, Reason
from kingbird.sync.finding import Finding, FindingLog
from kingbird.sync.outcome import LOOKUP_FAILURES
from kingbird.sync.planned import PlannedItem
from kingbird.sync.request import Requester, SyncSet

#: A region keeps no rows of a state that more of its images have, if they are nearly all.
BULK = 1000
#: How many of its images nearly all are.
NEARLY_ALL = 0.9
#: Findings that are held in memory at most, and those of them that are stored at a time.
HELD, AT_ONCE = 10_000, 500
#: Returns the regions, with the states of which they keep no rows, by project (or ``*``).
BulkLookup = Callable[[str], Collection[tuple[str, str]]]
WAITING = "The region is away, and its comparison waits until it is back"


def to_state(finding: Finding) -> dict[str, Any]:
    """Return the columns of a finding."""
    return {
        "image_id": finding.image_id,
        "region": finding.region,
        "project_id": finding.owner,
        "name": finding.name,
        "source_region": finding.source_region,
        "state": finding.kept,
        "reason": finding.reason,
        "message": finding.message,
        "differences": {name: dict(values) for name, values in finding.differences.items()},
        "image_status": finding.image_status,
    }


class StateTally:
    """Counts what one part of a plan finds in each region.

    Where a region keeps no rows of a state, findings of that state are held until it is known
    whether that is so still: a thousand rows of each region would be stored, and deleted again.

    :param sets: the sets that are planned.
    :param is_first: whether it is the first part of the plan.
    :param bulk: tells the regions that keep no rows so far.
    """

    def __init__(
        self,
        sets: Sequence[SyncSet],
        caller: Requester,
        *,
        is_first: bool,
        bulk: BulkLookup = lambda project_id: (),
    ) -> None:
        walks = [one for one in sets if one.is_wildcard and not one.filters]
        self._all_projects = any(one.all_projects for one in walks) and caller.is_admin
        self._regions = {
            name
            for one in walks
            if (one.all_projects and caller.is_admin) == self._all_projects
            for name in one.targets
        }
        self._is_first = is_first
        self._states: Counter[tuple[str, CopyState | None]] = Counter()
        self._bulk: set[tuple[str, CopyState]] = set()
        scope = ALL if self._all_projects else caller.project_id
        self._was_bulk = frozenset(bulk(scope)) if self._regions else frozenset()
        self._held: list[Finding] = []
        self._away: dict[str, tuple[str, str | None]] = {}

    def findings(
        self,
        log: FindingLog,
        items: Sequence[PlannedItem],
        in_sync: Mapping[str, int],
    ) -> db.image_states.Findings:
        """Return what is to be stored of the findings of a batch.

        :param log: takes note of the regions and states of which no rows are kept.
        :param items: the items of the batch.
        :param in_sync: the number of images in sync so far, by region.
        """
        findings, covered = log.take()
        self._states.update((one.region, one.kept) for one in findings)
        self._states.update(log.take_counted())
        self._away.update(
            (item.target_region, (item.outcome.reason, item.outcome.message))
            for item in items
            if item.resource == ALL and item.outcome and item.outcome.reason in LOOKUP_FAILURES
        )
        for region in self._regions:
            total = in_sync.get(region, 0) + sum(
                count for (where, _), count in self._states.items() if where == region
            )
            for state in db.region_states.BULK:
                number = self._states[region, state]
                if number > BULK and number >= NEARLY_ALL * total:
                    self._bulk.add((region, state))
        log.count_only(self._bulk)
        rows = self._to_store(findings)
        self._held = [one for one in self._held if (one.region, one.kept) not in self._bulk]
        return db.image_states.Findings(rows, covered)

    def _to_store(self, findings: Sequence[Finding]) -> list[dict[str, Any]]:
        """Return the rows of some findings, and hold back others."""
        rows = []
        for one in findings:
            key = one.region, one.kept
            if key in self._bulk:
                continue
            if key in self._was_bulk and len(self._held) < HELD:
                self._held.append(one)
            else:
                rows.append(to_state(one))
        return rows

    def rest(self) -> Iterator[db.image_states.Findings]:
        """Yield the findings that were held, in batches: their regions keep rows again."""
        held, self._held = self._held, []
        for some in batched(held, AT_ONCE):
            yield db.image_states.Findings([to_state(one) for one in some])

    def figures(
        self,
        in_sync: Mapping[str, int],
        known_regions: Sequence[str],
        waiting: Collection[str] = (),
        unseen: Collection[str] = (),
    ) -> db.region_states.Figures | None:
        """Return the figures of the regions, or ``None`` if none was compared completely.

        :param in_sync: the number of images in sync that have no finding, by region.
        :param known_regions: the regions of the service catalog.
        :param waiting: regions that are away, and whose comparison waits.
        :param unseen: regions of which earlier parts have compared nothing.
        """
        if not self._regions:
            return None
        waits = dict.fromkeys(
            self._regions.intersection(waiting), (str(Reason.REGION_UNAVAILABLE), WAITING)
        )
        away = {name: self._away[name] for name in self._regions & self._away.keys()} | waits
        images = Counter(
            {name: in_sync.get(name, 0) for name in self._regions - (away.keys() - waits.keys())}
        )
        for (region, state), count in self._states.items():
            if region in images and state is not None:
                images[region] += count
        images = Counter(
            {name: each for name, each in images.items() if each or name not in waits}
        )
        return db.region_states.Figures(
            self._all_projects,
            images,
            {(region, state): self._states[region, state] for region, state in self._bulk},
            away,
            not self._is_first,
            known_regions,
            unseen,
        )
