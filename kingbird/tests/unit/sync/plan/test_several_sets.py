"""Sets of a request that ask for the same image and region: the first one counts."""

from dataclasses import replace

import pytest

from kingbird.sync.outcome import SEVERAL_SETS
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.sync.plan.test_retry_sets import first_run, second_run
from kingbird.tests.unit.sync.scene import Scene


class World(Scene):
    """An image in R1, another one in R1 and R3, and none of them in R2."""

    def __init__(self):
        super().__init__(retry_timeout=0.1)
        self.one, self.both = (self.create(name=name, visibility="private") for name in "ab")
        for image in (self.one, self.both):
            self.glances["R1"].upload(image["id"], b"data")
        self.create("R3", **{name: self.both[name] for name in ("id", "name", "visibility")})
        self.glances["R3"].upload(self.both["id"], b"data")


#: Sets that bring both images to R2.
KINDS = {
    "by id": lambda world: SyncSet((world.one["id"], world.both["id"]), ("R1",), ("R2",)),
    "wildcard": lambda world: SyncSet(("*",), ("R1",), ("R2",)),
    "wildcard, more regions": lambda world: SyncSet(("*",), ("R3", "R1"), ("R2", "R3")),
}
OTHERS = {
    "wildcard, one image": lambda world: SyncSet(("*",), ("R1",), ("R2",), filters={"name": "a"}),
    "by id, another region": lambda world: SyncSet((world.one["id"],), ("R1",), ("R3",)),
}


def in_r2(items):
    return {item.resource: item for item in items if item.target_region == "R2"}


def messages(world, items):
    return {item.resource: (item.outcome or world.apply(item)).message for item in items.values()}


@pytest.mark.parametrize("dry", [0, 1])
@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_the_first_set_counts_and_the_item_says_so(first, second, dry):
    world = World()
    sets = [KINDS[kind](world) for kind in (first, second)]
    sets[dry] = replace(sets[dry], dry_run=True)
    sets[1 - dry] = replace(sets[1 - dry], updates=True)
    items = in_r2(world.plan_sets(*sets))
    assert items.keys() == {world.one["id"], world.both["id"]}
    outcomes = {name: item.outcome or world.apply(item) for name, item in items.items()}
    for name, outcome in outcomes.items():
        assert outcome.message.endswith(SEVERAL_SETS)
        if dry == 0:
            assert (outcome.status, outcome.reason) == ("PLANNED", "missing")
            assert outcome.message.startswith("Would be created from ")
        else:
            assert (outcome.status, outcome.reason) == ("SUCCESS", "created")
        assert (name in world.glances["R2"].ids) is (dry == 1), "no success without a record"


@pytest.mark.parametrize("first", OTHERS)
def test_sets_that_do_not_meet_say_nothing(first):
    world = World()
    named = SyncSet((world.both["id"],), ("R1",), ("R2",))
    for sets in ((OTHERS[first](world), named), (named, OTHERS[first](world))):
        items = world.plan_sets(*sets)
        assert len(items) == 2
        assert all(item.work.note is None for item in items)


@pytest.mark.parametrize("swap", [False, True])
def test_only_what_both_select_says_so(swap):
    world = World()
    sets = [OTHERS["wildcard, one image"](world), KINDS["wildcard"](world)]
    items = in_r2(world.plan_sets(*(reversed(sets) if swap else sets)))
    assert messages(world, items) == {world.one["id"]: SEVERAL_SETS, world.both["id"]: None}


def test_a_set_twice_is_said_once():
    world = World()
    items = in_r2(world.plan_sets(*(KINDS["by id"](world) for _ in range(3))))
    assert set(messages(world, items).values()) == {SEVERAL_SETS}


def test_what_is_in_sync_or_fails_says_so_too():
    world = World()
    world.sync(world.one["id"])
    sets = [KINDS["by id"](world), KINDS["wildcard"](world)]
    items = in_r2(world.plan_sets(*sets))
    assert items[world.one["id"]].outcome.message.endswith(f"; {SEVERAL_SETS}")
    world.glances["R2"].fail("create", refused(403, "You may not."), times=None)
    outcome = world.apply(items[world.both["id"]])
    assert outcome.message == f"You may not.; {SEVERAL_SETS}"


def test_an_earlier_star_decides_about_an_image_that_a_set_names():
    """Take its source and its options, and have an item even if nothing is to be done."""
    world = World()
    star = SyncSet(("*",), ("R3",), ("R2",), filters={"name": "b"})
    named = SyncSet((world.one["id"], world.both["id"]), ("R1",), ("R2",), True)
    items = in_r2(world.plan_sets(star, named))
    one, both = items[world.one["id"]], items[world.both["id"]]
    assert (one.source_region, bool(one.work.forced), one.work.note) == ("R1", True, None)
    assert (both.source_region, bool(both.work.forced)) == ("R3", False)
    for item in items.values():
        world.apply(item)
    items = in_r2(world.plan_sets(star, named))
    assert {item.outcome.reason for item in items.values()} == {"no_data"}
    assert world.planner.in_sync + world.planner.no_data == {}


@pytest.mark.parametrize("dry", [0, 1])
@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_a_retry_takes_the_same_set(first, second, dry):
    world = World()
    sets = [KINDS[kind](world) for kind in (first, second)]
    sets[dry] = replace(sets[dry], dry_run=True)
    world.glances["R2"].fail("create", refused(403), times=None)
    run = first_run(world, sets)
    world.glances["R2"].heal()
    run = second_run(world, sets, run)
    for image in (world.one, world.both):
        outcome = run.items[image["id"], "R2"].outcome
        assert outcome.reason == ("missing" if dry == 0 else "created")
        assert outcome.message.endswith(SEVERAL_SETS)
        assert (image["id"] in world.glances["R2"].ids) is (dry == 1)


def test_a_retry_of_a_region_makes_no_second_set_of_one():
    world = World()
    sets = [SyncSet(("*",), ("R1", "R3"), ("R2",))]
    world.glances["R3"].fail("*", unavailable(), times=None)
    world.glances["R2"].fail("create", refused(403), times=None)
    run = first_run(world, sets)
    assert ("*", "R3") in run.items
    for glance in world.glances.values():
        glance.heal()
    run = second_run(world, sets, run)
    for image in (world.one, world.both):
        outcome = run.items[image["id"], "R2"].outcome
        assert (outcome.reason, outcome.message) == ("created", None)


def test_a_kernel_that_came_along_with_what_two_stars_select():
    world = World()
    kernel = world.create(name="kernel", visibility="private")
    world.glances["R1"].upload(kernel["id"], b"boot")
    ami = world.create(name="ami", visibility="private", kernel_id=kernel["id"])
    world.glances["R1"].upload(ami["id"], b"data")
    stars = [SyncSet(("*",), ("R1",), ("R2",), filters={"name": "ami"}) for _ in range(2)]
    items = in_r2(world.plan_sets(*stars))
    assert items[kernel["id"]].work.note is None
    assert items[ami["id"]].work.note == SEVERAL_SETS


@pytest.mark.parametrize("swap", [False, True])
def test_a_kernel_that_came_along_with_two_images_is_asked_for_by_none(swap):
    world = World()
    kernel = world.create(name="kernel", visibility="private")
    world.glances["R1"].upload(kernel["id"], b"boot")
    amis = [
        world.create(name="ami", visibility="private", kernel_id=kernel["id"]) for _ in range(2)
    ]
    for ami in amis:
        world.glances["R1"].upload(ami["id"], ami["id"].encode())
    sets = [SyncSet((ami["id"],), ("R1",), ("R2",)) for ami in amis]
    sets.append(SyncSet(("*",), ("R1",), ("R2",), filters={"name": "ami"}))
    items = in_r2(world.plan_sets(*(reversed(sets) if swap else sets)))
    assert items[kernel["id"]].work.note is None
    assert {items[ami["id"]].work.note for ami in amis} == {SEVERAL_SETS}
