"""Turn what a comparison of namespaces finds into rows of states, and the figures of regions."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kingbird.db import api as db
from kingbird.states import ALL
from kingbird.sync.finding import Finding, FindingLog
from kingbird.sync.outcome import LOOKUP_FAILURES
from kingbird.sync.planned import PlannedItem
from kingbird.sync.request import SyncSet


def to_state(finding: Finding) -> dict[str, Any]:
    """Return the columns of a finding about a namespace."""
    return {
        "resource": finding.image_id,
        "region": finding.region,
        "project_id": finding.owner,
        "name": finding.name,
        "source_region": finding.source_region,
        "state": finding.state,
        "reason": finding.reason,
        "message": finding.message,
        "differences": {name: dict(values) for name, values in finding.differences.items()},
    }


class MetadefTally:
    """Counts what one part of a plan finds in each region.

    :param sets: the sets that are planned, or none if they are not compared completely.
    """

    def __init__(self, sets: Sequence[SyncSet]) -> None:
        self._walks = [one for one in sets if one.is_wildcard]
        self._compared: Counter[str] = Counter()
        self._complete: set[str] = set()
        self._away: set[str] = set()

    def findings(
        self,
        log: FindingLog,
        items: Sequence[PlannedItem],
        in_sync: Mapping[str, int],
    ) -> db.metadef_states.Findings:
        """Return what is to be stored of the findings of a batch.

        :param items: the items of the batch.
        """
        findings, covered = log.take()
        self._complete.update(name for one in covered for name in one.targets)
        self._compared.update(one.region for one in findings if one.owner is not None)
        self._away.update(
            item.target_region
            for item in items
            if item.resource == ALL and item.outcome and item.outcome.reason in LOOKUP_FAILURES
        )
        return db.metadef_states.Findings([to_state(one) for one in findings], covered)

    def rest(self) -> Sequence[db.metadef_states.Findings]:
        """Return nothing: no finding is held."""
        return ()

    def figures(
        self,
        in_sync: Mapping[str, int],
        known_regions: Sequence[str],
        waiting: Collection[str] = (),
        unseen: Collection[str] = (),
    ) -> db.metadef_states.Figures | None:
        """Return the figures of the regions, or ``None`` if none was compared completely.

        A region whose sources can't all be read keeps its figures, and so does one that another
        part compares.

        :param known_regions: the regions of the service catalog.
        :param waiting: regions that are away, and whose comparison waits.
        """
        if not self._walks:
            return None
        targets = {name for one in self._walks for name in one.targets}
        doubted = [one for one in self._walks if self._away.intersection(one.sources)]
        unsure = {name for one in doubted for name in one.targets}
        complete = (targets & self._complete) - unsure - self._away
        compared = {name: self._compared[name] for name in complete}
        away = targets & self._away.union(waiting)
        return db.metadef_states.Figures(compared, away, known_regions)
