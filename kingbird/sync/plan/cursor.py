"""The point that a part of a plan has reached in regions that lag.

The plan of the other regions is stored and carried out meanwhile.  A second walk plans the rest.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kingbird.sync.listing.diff import Copies, Scope, better_sources
from kingbird.sync.request import SyncSet


@dataclass(frozen=True)
class PlanCursor:
    """The regions that lag.

    :ivar covered_to: the last id that was compared, by lagging region.
    :ivar unsorted: regions whose ids do not ascend.
    """

    covered_to: Mapping[str, str]
    unsorted: Collection[str] = field(default_factory=tuple)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "PlanCursor":
        """Read a stored cursor."""
        return cls(dict(value["known_to"]), tuple(value["unsorted"]))

    def to_json(self) -> dict[str, Any]:
        """Return the form that is stored with the job."""
        return {"known_to": dict(self.covered_to), "unsorted": sorted(self.unsorted)}

    def concerns(self, sets: Iterable[SyncSet]) -> bool:
        """Return whether one of the regions is part of some sets."""
        return any(region in self.covered_to for one in sets for region in one.regions)

    def _is_covered(self, region: str, image_id: str) -> bool:
        return region not in self.covered_to or image_id <= self.covered_to[region]

    def handled_targets(self, scope: Scope, image_id: str, copies: Copies) -> Collection[str]:
        """Return the targets in which the first part has planned an image.

        It has in the regions that were covered, if one of them had a source.  If a lagging region
        may have a better source, it has planned records to create, and left copies to this part.
        If that region only has to be sorted, it has left all to this part.
        """
        covered = {
            region: image for region, image in copies.items() if self._is_covered(region, image_id)
        }
        chosen = scope.choose_source(covered)
        if chosen is None:
            return ()
        targets = {target for target in scope.targets if self._is_covered(target, image_id)}
        lagging = {name for name in scope.sources if not self._is_covered(name, image_id)}
        better = better_sources(scope, chosen, covered, lagging)
        if not better.isdisjoint(self.unsorted):
            return ()
        if better:
            targets -= covered.keys()
        return targets
