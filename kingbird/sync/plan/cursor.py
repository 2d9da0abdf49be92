"""The point that a part of a plan has reached in regions that lag, or are away.

The plan of the other regions is stored and carried out meanwhile.  Another walk plans the rest.
Regions that are away need not come back together, so there may be several such parts.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kingbird.sync.listing.diff import Copies, Scope, better_sources
from kingbird.sync.request import SyncSet


@dataclass(frozen=True)
class PlanCursor:
    """The regions that lag.

    :ivar covered_to: the last id that was compared, by lagging region.
    :ivar unsorted: regions whose ids do not ascend.
    :ivar earlier: the ends of the parts before, as far as they have planned anything else.
    """

    covered_to: Mapping[str, str]
    unsorted: Collection[str] = field(default_factory=tuple)
    earlier: Sequence["PlanCursor"] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "PlanCursor":
        """Read a stored cursor."""
        earlier = tuple(cls.from_json(one) for one in value.get("earlier", ()))
        return cls(dict(value["known_to"]), tuple(value["unsorted"]), earlier)

    def to_json(self) -> dict[str, Any]:
        """Return the form that is stored with the job."""
        value: dict[str, Any] = {
            "known_to": dict(self.covered_to),
            "unsorted": sorted(self.unsorted),
        }
        if self.earlier:
            value["earlier"] = [one.to_json() for one in self.earlier]
        return value

    def after(self, before: "PlanCursor | None") -> "PlanCursor":
        """Return the end of a part that followed another one."""
        if before is None:
            return self
        ends = (*before.earlier, replace(before, earlier=()))
        return replace(self, earlier=tuple(one for one in ends if not self._includes(one)))

    def _includes(self, before: "PlanCursor") -> bool:
        """Return whether all that an earlier part was to plan was this part's to plan, too."""
        return set(self.unsorted).issubset(before.unsorted) and all(
            region in before.covered_to and before.covered_to[region] <= end
            for region, end in self.covered_to.items()
        )

    @property
    def unseen(self) -> frozenset[str]:
        """The regions of which no part has compared an image."""
        ends = (self, *self.earlier)
        return frozenset(
            region for region in self.covered_to if not any(one._reaches(region) for one in ends)
        )

    def _reaches(self, region: str) -> bool:
        return self.covered_to.get(region) != ""

    def concerns(self, sets: Iterable[SyncSet]) -> bool:
        """Return whether one of the regions is part of some sets."""
        return any(region in self.covered_to for one in sets for region in one.regions)

    def _is_covered(self, region: str, image_id: str) -> bool:
        return region not in self.covered_to or image_id <= self.covered_to[region]

    def handled_targets(self, scope: Scope, image_id: str, copies: Copies) -> Collection[str]:
        """Return the targets in which earlier parts have planned an image."""
        found: set[str] = set()
        for one in (self, *self.earlier):
            found.update(one._planned_targets(scope, image_id, copies))
        return found

    def _planned_targets(self, scope: Scope, image_id: str, copies: Copies) -> Collection[str]:
        """Return the targets in which the part that ended here has planned an image.

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
