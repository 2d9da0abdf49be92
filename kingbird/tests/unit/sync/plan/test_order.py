"""A rotation of images: in no region and at no moment is there no image of the name."""

import itertools

import pytest

from kingbird.sync.item import CREATE, DELETE, IMPORT, UPDATE, Item, WriteSpec
from kingbird.sync.plan.order import in_order
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.scene import Scene

NAME = "Ubuntu 24.04"
ONE = SyncSet(("*",), ("R1",), ("R2",), updates=True)


def rename(scene, region, image, **changes):
    operations = [
        {"op": "add", "path": f"/{name}", "value": value} for name, value in changes.items()
    ]
    scene.images(region).update(image["id"], operations)


def work(scene, one=ONE):
    """Plan, and return the items as an engine works on them: by rank, each rank in any order."""
    items = scene.plan_sets(one)
    for _, group in itertools.groupby(
        sorted(items, key=lambda one: one.rank), lambda one: one.rank
    ):
        yield [item for item in group if item.outcome is None]


def is_served(scene):
    """Return whether the region has an image of the name that lists show."""
    found = (scene.glances["R2"].peek(one) for one in scene.glances["R2"].ids)
    return any(image["name"] == NAME and not image["os_hidden"] for image in found)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("old_first", [False, True])
@pytest.mark.parametrize("kind", ["new image", "renamed", "shown", "renamed and shown"])
def test_the_name_is_always_there(kind, old_first, backwards):
    scene = Scene()
    names = ["1" * 8 + "-0000-0000-0000-000000000001", "2" * 8 + "-0000-0000-0000-000000000002"]
    old_id, new_id = names if old_first else reversed(names)
    old = scene.create_in(2020, "R1", b"old", id=old_id, name=NAME)
    before = {
        "renamed": {"name": "candidate"},
        "shown": {"name": NAME, "os_hidden": True},
        "renamed and shown": {"name": "candidate", "os_hidden": True},
    }
    new = None
    if kind in before:
        new = scene.create_in(2020, "R1", b"new", id=new_id, **before[kind])
    for group in work(scene):
        for item in group:
            scene.apply(item)
    assert is_served(scene)
    # The rotation at home.
    if new is None:
        new = scene.create_in(2021, "R1", b"new", id=new_id, name=NAME)
    else:
        rename(scene, "R1", new, name=NAME, os_hidden=False)
    rename(scene, "R1", old, name=f"{NAME} of 2020", os_hidden=True)
    done = 0
    for group in work(scene):
        for item in reversed(group) if backwards else group:
            assert scene.apply(item).reason in ("created", "updated")
            assert is_served(scene)
            done += 1
    assert done == 2
    assert scene.glances["R2"].peek(old["id"])["os_hidden"]


def test_a_machine_image_does_not_wait_for_the_update_of_its_kernel():
    scene = Scene()
    kernel = scene.create_in(2020, "R1", b"k", name="kernel", os_hidden=False)
    scene.sync(kernel["id"])
    rename(scene, "R1", kernel, name="other", os_hidden=True)
    machine = scene.create_in(2020, "R1", b"m", name="ami", kernel_id=kernel["id"])
    one = SyncSet((machine["id"], kernel["id"]), ("R1",), ("R2",), updates=True)
    for plan in (ONE, one):
        groups = [[item.resource for item in group] for group in work(scene, plan)]
        assert groups == [[machine["id"]], [kernel["id"]]]
        (item,) = next(iter(work(scene, plan)))
        assert not item.work.references


def test_a_quarantine_does_not_wait():
    scene = Scene()
    image = scene.create_in(2020, "R1", b"x", name="one")
    scene.sync(image["id"])
    scene.glances["R2"].upload(image["id"], b"x")
    scene.images("R1").set_active(image["id"], False)
    (item,) = scene.plan_sets(ONE)
    assert item.rank == 0


def add(**values):
    return [{"op": "add", "path": f"/{name}", "value": value} for name, value in values.items()]


def remove(name):
    return [{"op": "remove", "path": f"/{name}"}]


#: The writes to an image, in the order of the moments at which they are done.
STEPS = [
    [
        (CREATE, []),
        (CREATE, add(name="one", os_hidden=True)),
        (IMPORT, add(name="one")),
        (UPDATE, []),
        (UPDATE, add(min_disk=1)),
        (UPDATE, remove("p")),
    ],
    [
        (UPDATE, add(name="one")),
        (UPDATE, add(min_disk=1, name="one")),
        (UPDATE, add(os_hidden=False)),
        (UPDATE, remove("os_hidden")),
        (UPDATE, [*remove("os_hidden"), *add(name="one")]),
    ],
    [
        (UPDATE, add(os_hidden=True)),
        (UPDATE, add(name="one", os_hidden=True)),
        ("orphan", []),
    ],
    [(DELETE, [])],
]


def planned(action, changes, rank=0):
    orphan = {"id": "i"} if action in ("orphan", DELETE) else None
    work = WriteSpec({"id": "i"}, "p", {}, changes=changes, orphan=orphan)
    return Item("i", "R1", "R2", UPDATE if action == "orphan" else action, work=work, rank=rank)


def test_each_step_comes_after_those_before_it():
    """However long the chains of images are that refer to others."""
    assert in_order(planned(*STEPS[0][0])).rank == 0
    for ones, others in itertools.pairwise(STEPS):
        assert len({in_order(planned(*one)).rank for one in ones}) == 1
        for one, other in itertools.product(ones, others):
            assert in_order(planned(*one, 999)).rank < in_order(planned(*other)).rank
    for one in itertools.chain(*STEPS):
        first, second = (in_order(planned(*one, rank)) for rank in (5, 6))
        assert (first.rank + 1, first.work) == (second.rank, planned(*one).work)


def test_an_orphan_that_has_a_home_again_appears():
    shown = planned("orphan", add(os_hidden=False))
    assert in_order(shown).rank == in_order(planned(UPDATE, add(name="one"))).rank
    kept = planned("orphan", remove("kingbird_orphaned_at"))
    assert in_order(kept).rank == 0


@pytest.mark.parametrize("action", [CREATE, UPDATE, DELETE])
def test_an_item_without_work_needs_no_order(action):
    item = Item("i", "R1", "R2", action, rank=3)
    assert in_order(item) is item
