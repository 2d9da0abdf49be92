"""A run that tries again ends where a run without trouble would have ended."""

import uuid
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from kingbird.states import ItemState
from kingbird.sync import image as fields
from kingbird.sync.item import Item
from kingbird.sync.outcome import Outcome
from kingbird.sync.plan.retry_sets import sets_to_retry
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import refused
from kingbird.tests.unit.sync.oddities import PROBLEMS, absent, mended
from kingbird.tests.unit.sync.scene import OTHER, RULES, Scene

ALL3 = ("R1", "R2", "R3")


def wildcard(sources=ALL3, targets=ALL3, **options):
    return SyncSet(("*",), sources, targets, **options)


def id_of(name):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


class World(Scene):
    """Images in one region and in several, the same ones in each world."""

    def __init__(self):
        super().__init__(retry_timeout=0.1)
        self.add("R1", "a1", name="a")
        self.add("R1", "b1", name="b", tags=["x"])
        self.add("R2", "a2", name="a")
        self.add("R3", "a3", name="a")
        self.add("R3", "b3", name="b")
        for name in ("everywhere", "one more"):
            for region in ALL3:
                self.add(region, name, name="a")
        self.add("R1", "drifted", name="b", min_disk=1)
        self.add("R3", "drifted", name="b", min_disk=2)
        self.add("R3", "kernel", name="kernel")
        self.add("R3", "ami", name="a", kernel_id=id_of("kernel"))
        self.add("R3", "theirs", name="a", owner=OTHER, visibility="community")
        self.add("R2", "theirs", name="a")
        gone = self.add("R3", "gone", name="a")
        record = fields.record_for(gone, "R3", RULES, image_id=gone["id"])
        self.images("R1").create(record)
        self.glances["R1"].delete(gone["id"])

    def add(self, region, key, **options):
        options.setdefault("visibility", "private")
        self.create(region, id=id_of(key), **options)
        return self.glances[region].upload(id_of(key), key.encode())

    @property
    def contents(self):
        return {region: glance.ids for region, glance in self.glances.items()}


@dataclass
class Run:
    """How a job stands after a run: its items' ends, and what is counted."""

    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    in_sync: Counter[str] = field(default_factory=Counter)

    @property
    def reasons(self):
        return {pair: (one.outcome.status, one.outcome.reason) for pair, one in self.items.items()}

    @property
    def left(self):
        """Return the pairs that a retry takes."""
        return [
            pair
            for pair, end in self.reasons.items()
            if end[0] in (ItemState.FAILURE, ItemState.SKIPPED)
        ]


def done(world, items):
    found = {}
    for item in items:
        pair = (item.resource, item.target_region)
        assert pair not in found, "no item is there twice"
        found[pair] = item.with_outcome(item.outcome or world.apply(item))
    return found


def first_run(world, sets, without=()):
    return Run(done(world, world.plan_sets(*sets, without=without)), world.planner.in_sync)


def second_run(world, sets, before, without=()):
    """Do what the engine does when a job is tried again."""
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
    assert not planned & others, "what has ended well is left alone"
    kept = {pair: one for pair, one in before.items.items() if pair[0] != "*"}
    in_sync = Counter(
        {
            region: (world.planner if region in left.targets else before).in_sync[region]
            for region in ALL3
        }
    )
    return Run(kept | done(world, items), in_sync)


#: Sets in which R3 is odd.  Where it is a source and a target, only it has ``a3``.
SETS = {
    "both": [wildcard()],
    "target only": [wildcard(("R1", "R2"), ("R3",))],
    "target beside another": [wildcard(("R1",), ("R2", "R3"))],
    "source only": [wildcard(("R3",), ("R1", "R2"))],
    "source beside another": [wildcard(("R1", "R3"), ("R2",))],
    "two sets into it": [wildcard(("R1",), ("R3",)), wildcard(("R2",), ("R3",))],
    "two sets, it in the second": [wildcard(("R1",), ("R2",)), wildcard(("R3",), ("R2",))],
    "two sets, it in the first": [wildcard(("R3",), ("R1",)), wildcard(("R2",), ("R1",))],
    "two sets by name": [wildcard(filters={"name": "b"}), wildcard(filters={"name": "a"})],
    "in one set a source, in one a target": [
        wildcard(("R3",), ("R1",)),
        wildcard(("R2",), ("R3",)),
        wildcard(("R1",), ("R2",)),
    ],
    "images by their ids beside": [
        SyncSet((id_of("a1"), id_of("everywhere")), ("R1",), ("R2", "R3")),
        SyncSet((id_of("a3"),), ("R3",), ("R1",), dry_run=True),
        wildcard(),
    ],
    "updates": [wildcard(updates=True)],
    "forced": [wildcard(force=True)],
    "a dry run beside": [wildcard(filters={"name": "b"}, dry_run=True), wildcard()],
}


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("problem", ["503", "403", "HTML", "absent", "with holes"])
@pytest.mark.parametrize("sets", SETS.values(), ids=SETS)
def test_an_odd_region(sets, problem, dry_run):
    if dry_run:
        sets = [replace(one, dry_run=True) for one in sets]
    untroubled = World()
    expected = second_run(untroubled, sets, first_run(untroubled, sets))

    world = World()
    breaks, reason = PROBLEMS[problem]
    without = ("R3",) if breaks is absent else ()
    breaks(world.glances["R3"])
    run = first_run(world, sets, without)
    assert run.reasons["*", "R3"] == (ItemState.FAILURE, reason)
    # Once more without success, as anybody would try.
    run = second_run(world, sets, run, without)
    assert run.reasons["*", "R3"] == (ItemState.FAILURE, reason)

    mended(world.glances["R3"])
    run = second_run(world, sets, run)
    assert run.reasons == expected.reasons
    assert {r: run.in_sync[r] for r in ALL3} == {r: expected.in_sync[r] for r in ALL3}
    assert world.contents == untroubled.contents
    if dry_run:
        assert world.contents == World().contents


def test_what_came_since_and_is_not_the_regions_business_is_left_alone():
    world = World()
    PROBLEMS["503"][0](world.glances["R3"])
    run = first_run(world, [wildcard()])
    mended(world.glances["R3"])
    later = world.add("R1", "later")["id"]
    run = second_run(world, [wildcard()], run)
    assert {target for name, target in run.items if name == later} == {"R3"}
    assert later not in world.glances["R2"].ids


def test_a_source_that_is_preferred_though_it_came_late():
    """R3 has the older copy; what came from R1 meanwhile is left, and R1 is told of its drift."""
    world = World()
    preferring = [wildcard(preferred=("R3",))]
    PROBLEMS["503"][0](world.glances["R3"])
    run = first_run(world, preferring)
    name = id_of("drifted")
    assert run.reasons[name, "R2"] == ("SUCCESS", "created")
    mended(world.glances["R3"])
    run = second_run(world, preferring, run)
    assert run.reasons[name, "R1"] == (ItemState.FAILURE, "drift")
    assert run.reasons[name, "R2"] == ("SUCCESS", "created")


def test_regions_that_fail_meanwhile_are_reported():
    world = World()
    PROBLEMS["503"][0](world.glances["R3"])
    run = first_run(world, [wildcard()])
    mended(world.glances["R3"])
    PROBLEMS["403"][0](world.glances["R1"])
    run = second_run(world, [wildcard()], run)
    assert run.reasons["*", "R1"] == (ItemState.FAILURE, "forbidden")
    assert ("*", "R3") not in run.items


@pytest.mark.parametrize("named", ["a3", "b1"])
def test_an_image_of_the_second_of_two_sets(named):
    """It is tried again by the set that means it, with this one's sources and options."""
    sets = [
        wildcard(("R1",), ("R2",), filters={"name": "none"}, dry_run=True),
        wildcard(("R1",), ("R2",), filters={"name": "b"}),
        wildcard(("R3",), ("R2",), filters={"name": "a"}),
    ]
    world = World()
    pair = (id_of(named), "R2")
    error = refused(403)
    world.glances["R2"].fail(
        "create", lambda body: error if body["id"] == pair[0] else None, times=None
    )
    run = first_run(world, sets)
    assert run.reasons[pair][0] == ItemState.FAILURE
    mended(world.glances["R2"])
    run = second_run(world, sets, run)
    assert run.reasons[pair] == ("SUCCESS", "created")


def test_an_image_that_no_set_means_any_more_is_not_written_for_a_dry_run():
    sets = [
        wildcard(("R1",), ("R2",), filters={"name": "b"}),
        wildcard(("R1",), ("R2",), filters={"name": "a"}, dry_run=True),
    ]
    world = World()
    name = id_of("a1")
    world.images("R1").update(name, [{"op": "replace", "path": "/name", "value": "c"}])
    failed = Item(name, "R1", "R2").with_outcome(Outcome("region_unavailable"))
    run = second_run(world, sets, Run({(name, "R2"): failed}))
    assert run.reasons == {(name, "R2"): ("PLANNED", "missing")}
    assert name not in world.glances["R2"].ids
