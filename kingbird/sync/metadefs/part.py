"""One part of a plan of namespaces: the sets that are left, and the regions that are away.

A region that is away leaves its share to a later part.  Namespaces that a target lacks are created
from the other sources meanwhile.  One that is there waits for all sources, as its name may be that
of an older namespace of another owner, or another source may come first.
"""

import dataclasses
from collections.abc import Sequence

from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.request import SyncSet


class Part:
    """The part of a plan that follows an earlier one, if there is one.

    :param cursor: the end of the earlier part.
    :param calls: the calls of the job to the regions.
    :ivar sets: the sets, limited to the targets that no earlier part has compared completely.
    :ivar calls: the calls of this part.
    """

    def __init__(
        self, sets: Sequence[SyncSet], cursor: PlanCursor | None, calls: RegionCalls
    ) -> None:
        self._cursor = cursor
        self._needs: dict[str, set[str]] = {}
        for one in sets:
            for target in one.targets:
                self._needs.setdefault(target, {target}).update(one.sources)
        ends = (cursor, *cursor.earlier) if cursor else ()
        left = {
            target
            for target, needed in self._needs.items()
            if all(needed.intersection(end.covered_to) for end in ends)
        }
        limited = (
            dataclasses.replace(one, targets=tuple(name for name in one.targets if name in left))
            for one in sets
        )
        self.sets = [one for one in limited if one.targets]
        self.calls = calls.for_part({name for one in self.sets for name in one.regions}, None)
        self._is_deferred = False

    @property
    def follows(self) -> bool:
        """Return whether an earlier part may have items of the sets."""
        return self._cursor is not None

    @property
    def away(self) -> set[str]:
        """Return the regions whose shares are left to a later part."""
        return self.calls.lagging

    def is_complete(self, target: str) -> bool:
        """Return whether a target and all sources that it may follow have answered so far."""
        return self._needs[target].isdisjoint(self.away)

    def defers(self, one: SyncSet, source: str | None, target: str, *, is_there: bool) -> bool:
        """Return whether a namespace is left to a later part, and note it.

        :param source: the region that it would be copied from, if there is one.
        :param is_there: whether the target has it.
        """
        if source is None:
            waits = target in self.away or not self.away.isdisjoint(one.sources)
        elif is_there:
            waits = not self.is_complete(target)
        else:
            waits = target in self.away
        self._is_deferred = self._is_deferred or waits
        return waits

    def defer(self) -> None:
        """Note that something is left to a later part."""
        self._is_deferred = True

    def end(self) -> PlanCursor | None:
        """Return the end of the part, or ``None`` if nothing is left."""
        walked = {name for one in self.sets if one.is_wildcard for name in one.regions}
        if not self.away or (not self._is_deferred and walked.isdisjoint(self.away)):
            return None
        return PlanCursor(dict.fromkeys(self.away, "")).after(self._cursor)
