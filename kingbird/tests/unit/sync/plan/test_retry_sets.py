"""A run that tries again ends where a run without trouble would have ended."""

import uuid
from dataclasses import replace

import pytest

from kingbird.states import ItemState
from kingbird.sync import image as fields
from kingbird.sync.item import Item
from kingbird.sync.outcome import Outcome
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import refused
from kingbird.tests.unit.sync.oddities import PROBLEMS, absent, mended
from kingbird.tests.unit.sync.runs import Run, first_run, second_run
from kingbird.tests.unit.sync.scene import ALL3, OTHER, RULES, Scene


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
