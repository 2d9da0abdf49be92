"""Sets of images by id are planned a chunk at a time, and find what they find as a whole."""

import itertools

import pytest

from kingbird.sync.plan import named_images
from kingbird.sync.plan.named_images import NamedImages
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.plan.wildcards import active
from kingbird.tests.unit.sync.scene import OTHER, Scene


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def chunks_of(monkeypatch):
    """Make chunks of a few images."""

    def change(number):
        monkeypatch.setattr(named_images, "IMAGES", number)
        monkeypatch.setattr(named_images, "IDS_PER_CALL", number)

    return change


def named(ids, targets=("R2",), **options):
    return SyncSet(tuple(ids), ("R1",), targets, preferred=("R1",), **options)


def found(items):
    """Return what is known of each image and region, which has one item."""
    pairs = [(item.resource, item.target_region) for item in items]
    assert len(pairs) == len(set(pairs))
    return {
        pair: (item.action, item.outcome, item.target_resource, item.work)
        for pair, item in zip(pairs, items, strict=True)
    }


def family(scene):
    """Make an AMI with its kernel, whose kernel is another one, and an image beside them."""
    last = active(scene)["id"]
    kernel = active(scene, kernel_id=last)["id"]
    return [
        active(scene, kernel_id=kernel, ramdisk_id=last)["id"],
        kernel,
        last,
        active(scene)["id"],
    ]


#: Sets by the places of their images in a family.
SETS = {
    "one set": [((0, 1, 2, 3), {})],
    "not the kernels": [((0, 3), {})],
    "kernels in a set of their own": [((0, 3), {}), ((1, 2), {"dry_run": True})],
    "kernels in a set of their own before": [((2, 1), {"dry_run": True}), ((0, 3), {})],
    "twice": [((0, 1), {}), ((0, 1, 2, 3), {"updates": True})],
    "forced": [((0, 1, 3), {"force": True})],
    "forced kernel": [((1,), {"force": True}), ((3, 0, 2), {})],
}


@pytest.mark.parametrize("is_theirs", [False, True])
@pytest.mark.parametrize("name", SETS)
def test_small_chunks_find_what_a_large_one_finds(scene, chunks_of, name, is_theirs):
    """Whatever the order of the images, each has the item of the first set that names it."""
    ids = family(scene)
    if is_theirs:
        scene.images("R2", OTHER).create({"id": ids[1], "visibility": "community"})
    for order in [*itertools.permutations(range(4))][::3]:
        sets = [
            named([ids[n] for n in sorted(numbers, key=order.index)], ("R2", "R3"), **options)
            for numbers, options in SETS[name]
        ]
        chunks_of(100)
        whole = scene.plan_sets(*sets)
        chunks_of(1)
        parts = scene.plan_sets(*sets)
        assert found(parts) == found(whole)
        for item in parts:
            made = item.work.references.values() if item.work else ()
            ranks = {
                one.resource: one.rank for one in parts if one.target_region == item.target_region
            }
            assert all(ranks[other] < item.rank for other in made)
            place = [one.resource for one in parts].index
            assert all(place(other) < place(item.resource) for other in made)


def test_a_long_chain_is_made_in_order_though_its_end_was_planned_before(scene, chunks_of):
    """Three images of a chain are seen."""
    ids = [active(scene)["id"]]
    for _ in range(6):
        ids.append(active(scene, kernel_id=ids[-1])["id"])
    chunks_of(1)
    items = scene.plan_sets(named(ids))
    assert [(item.resource, item.rank) for item in items] == [
        (one, n) for n, one in enumerate(ids)
    ]


def test_no_chunk_is_asked_for_before_the_items_of_the_last_one_are_taken(scene, chunks_of):
    ids = sorted(active(scene)["id"] for _ in range(25))
    chunks_of(10)
    asked = []
    for glance in scene.glances.values():
        glance.calls.clear()
        glance.before_page = lambda query: asked.extend(query.get("id", ()))
    taken = []
    plan = scene.batches(named(ids))
    for batch in plan:
        taken += [item.resource for item in batch]
        known = {one for expression in asked for one in expression.removeprefix("in:").split(",")}
        assert known.intersection(ids) == set(taken)
    assert sorted(taken) == ids


@pytest.mark.parametrize(("targets", "size"), [(1, 1000), (2, 1000), (10, 200), (30, 100)])
def test_a_chunk_has_a_few_items_and_full_calls(targets, size):
    ids = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(2050)]
    regions = tuple(f"T{n}" for n in range(targets))
    sets = [SyncSet(tuple(ids), ("R1",), regions), SyncSet(tuple(ids[:5]), ("R1",), regions)]
    chunks = [*NamedImages(sets).chunks()]
    assert [len({name for name, _ in pairs}) for pairs in chunks[:-1]] == [size] * (2050 // size)
    assert {pair for pairs in chunks for pair in pairs} == {
        (name, one) for one in sets for name in one.resources
    }
    assert sum(map(len, chunks)) == 2055


def test_the_forced_copies_of_a_region_are_listed_once(scene, chunks_of):
    ids = [active(scene)["id"] for _ in range(30)]
    chunks_of(10)
    for item in scene.plan_sets(named(ids, force=True)):
        scene.apply(item)
    scene.glances["R2"].calls.clear()
    assert {item.outcome.reason for item in scene.plan_sets(named(ids, force=True))} == {"no_data"}
    forced = [one for _, one in scene.glances["R2"].calls if "kingbird_forced" in one]
    # Visible and hidden ones.
    assert len(forced) == 2
