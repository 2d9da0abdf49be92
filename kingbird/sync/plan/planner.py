"""From a request to its items, before anything is written.

An item is one image in one target region; the same image and region twice in a job is one
item.  What a set names counts before what another means by ``*``, and then the first set.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from kingbird.batching import batched
from kingbird.sync.item import Item
from kingbird.sync.plan.by_id import ByIdPlanner
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.plan.members import with_members
from kingbird.sync.plan.wildcard import WildcardPlanner
from kingbird.sync.request import SyncSet

#: Items in a batch.
BATCH = 500


class Planner:
    """Plans one job, or a part of it.

    :param slow_region_timeout: seconds after which the plan of other regions does not wait for one
        that is much slower; ``None`` waits for all.
    :ivar in_sync: how many images are in order without an item, by target region.
    :ivar rest: what is left to plan when all batches have been taken, or ``None``.
    """

    def __init__(self, cloud: PlanContext, *, slow_region_timeout: float | None = None) -> None:
        self.in_sync: Counter[str] = Counter()
        self.rest: PlanCursor | None = None
        self._cloud = cloud
        self._named = ByIdPlanner(cloud)
        self._whole = WildcardPlanner(cloud, slow_region_timeout)

    def plan(
        self,
        sets: Sequence[SyncSet],
        rest: PlanCursor | None = None,
        known: Mapping[str, Collection[str]] | None = None,
        share_of: Collection[str] | None = None,
    ) -> Iterator[list[Item]]:
        """Yield the items in batches; those that others refer to come before them.

        Makes list calls only.  A batch that was taken is to be known to ``planned`` when the
        next one is asked for.

        :param rest: what an earlier part of the plan left.
        :param known: target regions by image, which sets with ``*`` are to leave out.
        :param share_of: regions, where sets with ``*`` are to plan only what these have to do
            with; what is in order in the other targets is counted all the same.
        """
        named = [each for each in sets if not each.is_wildcard]
        whole = [each for each in sets if each.is_wildcard]
        # Of a large job these are many, and most have the same targets: no set for each.
        decided: dict[str, Collection[str]] = dict(known or {})
        for batch in batched(self._named.plan(named) if rest is None else (), BATCH):
            for _, item in batch:
                decided[item.resource] = {*decided.get(item.resource, ()), item.target_region}
            yield self._finish(batch)
        if rest is not None:
            decided = {**_named_pairs(named)}
        if whole:
            for batch in self._whole.plan(whole, decided, rest, share_of):
                if batch:
                    yield self._finish(batch)
            self.in_sync.update(self._whole.in_sync)
            self.rest = self._whole.rest

    def _finish(self, batch: Iterable[tuple[SyncSet, Item]]) -> list[Item]:
        """Find out whom what is created will be shared with; a dry run creates nothing."""
        items = [item.as_dry_run() if each.dry_run else item for each, item in batch]
        return with_members(items, self._cloud)


def _named_pairs(sets: Iterable[SyncSet]) -> dict[str, set[str]]:
    pairs: dict[str, set[str]] = {}
    for each in sets:
        for resource in each.resources:
            pairs.setdefault(resource, set()).update(each.targets)
    return pairs
