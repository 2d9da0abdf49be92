"""The runs of a job: plans that are carried out, and retries of what failed."""

from collections import Counter
from dataclasses import dataclass, field

from kingbird.states import ItemState
from kingbird.sync.item import Item
from kingbird.sync.plan.retry_sets import sets_to_retry
from kingbird.tests.unit.sync.scene import ALL3


@dataclass
class Run:
    """The items of a job after a run, all with an outcome, and its counts."""

    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    in_sync: Counter[str] = field(default_factory=Counter)

    @property
    def reasons(self):
        return {pair: (one.outcome.status, one.outcome.reason) for pair, one in self.items.items()}

    @property
    def left(self):
        """Return image and region of the items that a retry plans anew."""
        return [
            pair
            for pair, end in self.reasons.items()
            if end[0] in (ItemState.FAILURE, ItemState.SKIPPED)
        ]


def carry_out(world, items):
    """Do the work of planned items.  Return them with their outcomes, by image and region."""
    found = {}
    for item in items:
        pair = (item.resource, item.target_region)
        assert pair not in found, f"{pair} has two items"
        found[pair] = item.with_outcome(item.outcome or world.apply(item))
    return found


def first_run(world, sets, without=()):
    """Run a job.

    :param without: regions that have no endpoint.
    """
    return Run(carry_out(world, world.plan_sets(*sets, without=without)), world.planner.in_sync)


def second_run(world, sets, before, without=()):
    """Retry a job, as the engine does."""
    pairs = before.left
    left = sets_to_retry(sets, pairs)
    known = {}
    for resource, target in before.items:
        if resource != "*" and target in left.targets:
            known.setdefault(resource, set()).add(target)
    items = world.plan_sets(
        *left.sets,
        known=known,
        retried_regions=left.regions,
        without=without,
        earlier=[item for pair, item in before.items.items() if pair not in pairs],
    )
    planned = {(item.resource, item.target_region) for item in items}
    others = {pair for pair in before.items if pair not in pairs}
    assert not planned & others, "an item that did not fail was planned anew"
    kept = {pair: one for pair, one in before.items.items() if pair[0] != "*"}
    in_sync = Counter(
        {
            region: (world.planner if region in left.targets else before).in_sync[region]
            for region in ALL3
        }
    )
    return Run(kept | carry_out(world, items), in_sync)
