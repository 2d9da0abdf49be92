"""Decides about single images of wildcard sets, and counts those that need no item."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from kingbird.states import Reason
from kingbird.sync import compare
from kingbird.sync.finding import FindingLog, finding_of
from kingbird.sync.item import Item
from kingbird.sync.outcome import SEVERAL_SETS, Outcome, better_source_unknown
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.decide import TargetState, decide
from kingbird.sync.plan.members import MemberLookup, wanted
from kingbird.sync.plan.shelf import ForcedCopies, MovedImages
from kingbird.sync.plan.spool import Deferred
from kingbird.sync.request import WildcardScope

#: The ids that can't be used, with the reason, by region.
UnusableIds = Mapping[str, Mapping[str, str]]


class WildcardItems:
    """Decides what is to be done about an image in one target.

    :param findings: takes what is found of images that are counted.
    :ivar in_sync: the number of images in sync that have no item, by region.
    :ivar no_data: the number of those that are in sync but for their data, by region.
    :ivar forced: the forced copies that have been listed.
    :ivar moved: images that are in sync under another id.
    :ivar problems: the reasons why regions could not be listed completely.
    """

    def __init__(
        self, context: PlanContext, scopes: Sequence[WildcardScope], findings: FindingLog
    ) -> None:
        self.in_sync: Counter[str] = Counter()
        self.no_data: Counter[str] = Counter()
        self.forced = ForcedCopies()
        self.moved = MovedImages()
        self.problems: Mapping[str, Outcome] = {}
        self._context = context
        self._scopes = scopes
        self._findings = findings
        self._members = MemberLookup(context)

    def unusable(self, pairs: Iterable[tuple[str, str]]) -> UnusableIds:
        """Look up tombstones.

        :param pairs: region and image id.
        """
        ids: dict[str, set[str]] = {}
        for region, image_id in pairs:
            ids.setdefault(region, set()).add(image_id)
        return {region: self._context.tombstones(region, some) for region, some in ids.items()}

    def list_members(self, batch: Iterable[Deferred]) -> None:
        """List the members of images and their copies, as far as their sets compare them."""
        caller = self._context.caller
        self._members.find(
            pair
            for one in batch
            if self._scopes[one.index].compares_members
            for pair in wanted(one.source, one.source_region, self._state(one, {}), caller)
        )

    def item(
        self,
        one: Deferred,
        unusable: UnusableIds,
        refers_to: Mapping[str, Item] | None = None,
    ) -> Item:
        return self.item_in(self._state(one, unusable), one, refers_to)

    def item_in(
        self, state: TargetState, one: Deferred, refers_to: Mapping[str, Item] | None = None
    ) -> Item:
        item = decide(
            one.source,
            one.source_region,
            state,
            self._context.caller,
            self._context.rules,
            self._scopes[one.index].sync_set.options,
            references=refers_to,
            doubt=self._doubt(one),
            member_lists=self._members.found,
        )
        return item.with_note(SEVERAL_SETS) if one.several_sets else item

    def count_in_sync(self, item: Item, index: int) -> bool:
        """Count an image if it is in sync, so that it needs no item.

        :param index: which of the sets the item is for.
        :returns: whether it is.
        """
        if item.outcome is None or item.outcome.reason not in compare.AGREEING:
            return False
        has_data = item.outcome.reason == Reason.IN_SYNC
        if not has_data and self._scopes[index].sync_set.dry_run:
            return False
        (self.in_sync if has_data else self.no_data)[item.target_region] += 1
        self._findings.add(finding_of(item))
        if item.target_resource != item.resource:
            # Images that refer to it have to name the id that it has there.
            self.moved.add(item)
        return True

    def _state(self, one: Deferred, unusable: UnusableIds) -> TargetState:
        """Return what a target region has of an image."""
        images = self.forced.copies_of(one.target, one.source["id"])
        copy = {one.source["id"]: one.copy} if one.copy is not None else {}
        return TargetState(one.target, {**images, **copy}, unusable.get(one.target, {}))

    def _doubt(self, one: Deferred) -> Outcome | None:
        """Return the outcome of an update if a region that is away may have the right source."""
        if not one.doubtful:
            return None
        region = one.doubtful[0]
        problem = self.problems.get(region)
        return better_source_unknown(region, problem, source=one.source_region)
