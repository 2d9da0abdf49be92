"""What a first part of a plan left open, as some regions were much slower than the others.

The others' share of the plan need not wait for them: it is stored and worked on, and what is
left is planned by a second walk.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from kingbird.sync.listing.diff import Copies, Scope


@dataclass(frozen=True)
class PlanCursor:
    """Which part of the work is left.

    :ivar covered_to: for each late region the id up to which it took part.
    :ivar unsorted: regions whose ids did not ascend.
    """

    covered_to: Mapping[str, str]
    unsorted: Collection[str] = field(default_factory=tuple)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "PlanCursor":
        """Read what :meth:`to_json` made."""
        return cls(dict(value["known_to"]), tuple(value["unsorted"]))

    def to_json(self) -> dict[str, Any]:
        """Return it as it is stored with the job."""
        return {"known_to": dict(self.covered_to), "unsorted": sorted(self.unsorted)}

    def _took_part(self, region: str, image_id: str) -> bool:
        return region not in self.covered_to or image_id <= self.covered_to[region]

    def handled_targets(self, scope: Scope, image_id: str, copies: Copies) -> Collection[str]:
        """Return the targets in which the first part dealt with an image.

        It did so in the regions that took part, if one of them had a source.
        """
        there = {
            region: image for region, image in copies.items() if self._took_part(region, image_id)
        }
        if scope.choose_source(there) is None:
            return ()
        return {target for target in scope.targets if self._took_part(target, image_id)}
