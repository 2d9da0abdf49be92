"""Lists of several regions: what they leave open when one fails, is slow, or has holes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kingbird import lenient_json
from kingbird.sync.listing import regions as regions_module
from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.listing.merge import merge_by_id
from kingbird.sync.listing.regions import RegionListings
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.sync.scene import Scene, submit
from kingbird.tests.waiting import bounded

IDS = [f"{n:08}-0000-4000-8000-000000000000" for n in range(40)]


@pytest.fixture
def scene():
    one = Scene()
    for image_id in IDS[:30]:
        for region in one.glances:
            one.create(region, id=image_id)
    for glance in one.glances.values():
        glance.page_size = 10
    return one


@pytest.fixture
def pool():
    with ThreadPoolExecutor(12) as workers:
        yield lambda region, function, *args: workers.submit(function, *args)


def listings(
    scene,
    *,
    regions=("R1", "R2", "R3"),
    submit=submit,
    slow_region_timeout=None,
    clock=None,
    **options,
):
    found = {region: scene.images(region) for region in regions}
    counting = scene.lag_clock.count(submit)
    calls = RegionCalls(counting, scene.retry, clock=clock or scene.lag_clock)
    calls = calls.for_part(regions, slow_region_timeout)
    return RegionListings(found, calls=calls, **options)


def run(lists):
    """Merge all regions, and return which images each has, and which gaps there are."""
    images = {region: [] for region in lists.streams()}
    gaps = {}
    for block in merge_by_id(lists.streams()):
        for region, found in block.images.items():
            images[region] += found
        gaps.update((image_id, set(lists.unknown_regions(image_id))) for image_id in block.ids)
        lists.advance(block.ids[-1])
    return images, gaps


def test_all_regions_are_listed_completely(scene):
    lists = listings(scene)
    images, gaps = run(lists)
    assert images == dict.fromkeys(("R1", "R2", "R3"), IDS[:30])
    assert not any(gaps.values())
    assert not lists.problems
    assert not lists.lagging


@pytest.mark.parametrize(
    ("error", "reason"), [(unavailable(), "region_unavailable"), (refused(403), "forbidden")]
)
def test_a_region_that_fails_is_known_as_far_as_it_came(scene, error, reason):
    calls = 0

    def third(detail):
        nonlocal calls
        # The two walks' first pages, and then the third one.
        calls += 1
        return error if calls >= 3 else None

    scene.glances["R2"].fail("list", third, times=None)
    lists = listings(scene)
    images, gaps = run(lists)
    assert lists.problems["R2"].reason == reason
    assert images["R2"] == IDS[:10]
    assert images["R1"] == IDS[:30]
    assert [image_id for image_id, names in gaps.items() if names] == IDS[10:30]
    assert {"R2"} == set().union(*gaps.values())


def test_a_region_with_holes_is_listed_on_but_has_nothing_missing(scene):
    glance = scene.glances["R2"]
    sizes = iter([10, 10, 8, 10, 10, 10])
    glance.before_page = lambda query: setattr(glance, "page_size", next(sizes))
    lists = listings(scene)
    images, gaps = run(lists)
    assert lists.problems["R2"].reason == "listing_incomplete"
    assert images["R2"] == IDS[:30], "what it shows is used"
    assert [image_id for image_id, names in gaps.items() if names] == IDS[10:30]


def test_a_region_without_an_endpoint(scene):
    calls = RegionCalls(submit, scene.retry)
    lists = RegionListings({"R1": scene.images("R1"), "R9": None}, calls=calls)
    _, gaps = run(lists)
    assert lists.problems["R9"].reason == "region_unavailable"
    assert set().union(*gaps.values()) == {"R9"}


def slow(scene, region, seconds):
    scene.glances[region].before_page = lambda query: time.sleep(seconds)


def test_the_others_do_not_wait_for_a_region_that_is_much_slower(scene, pool):
    gate = threading.Event()
    scene.glances["R2"].before_page = lambda query: scene.lag_clock.hang("R2", gate)
    lists = listings(scene, submit=pool, slow_region_timeout=0.5)
    with bounded("R1 and R3 are listed", gate.set):
        images, gaps = run(lists)
    gate.set()
    assert lists.lagging == {"R2"}
    assert images["R1"] == images["R3"] == IDS[:30]
    assert images["R2"] == []
    assert lists.covered_to == {"R2": ""}
    assert set().union(*gaps.values()) == {"R2"}
    assert not lists.problems, "it is late, not away"


def test_a_region_that_becomes_slow_is_known_up_to_there(scene, pool):
    hangs, gate = threading.Event(), threading.Event()
    scene.glances["R2"].before_page = lambda query: (
        hangs.is_set() and scene.lag_clock.hang("R2", gate)
    )
    lists = listings(scene, submit=pool, slow_region_timeout=0.1)
    blocks = merge_by_id(lists.streams())
    first = next(blocks)
    hangs.set()
    lists.advance(first.ids[-1])
    # The second page was asked for before.
    with bounded("the rest is listed", gate.set):
        rest = [block for block in blocks if lists.advance(block.ids[-1]) is None]
    gate.set()
    assert lists.lagging == {"R2"}
    assert lists.covered_to["R2"] in (IDS[9], IDS[19])
    assert rest[-1].ids[-1] == IDS[29]


def test_all_wait_when_all_are_slow(scene, pool):
    for region in scene.glances:
        slow(scene, region, 0.3)
    lists = listings(scene, submit=pool, slow_region_timeout=0.05, clock=time.monotonic)
    images, _ = run(lists)
    assert not lists.lagging
    assert images == dict.fromkeys(("R1", "R2", "R3"), IDS[:30])


def test_of_two_regions_none_is_late(scene, pool):
    slow(scene, "R2", 0.3)
    options = {"slow_region_timeout": 0.05, "clock": time.monotonic}
    lists = listings(scene, regions=("R1", "R2"), submit=pool, **options)
    images, _ = run(lists)
    assert images["R2"] == IDS[:30]


def test_a_region_that_is_not_sorted_is_given_up_and_then_sorted_in_memory(scene):
    upper = {n: f"{chr(65 + n)}{IDS[n][1:]}" for n in range(4)}
    for image_id in upper.values():
        scene.create("R2", id=image_id)
    glance = scene.glances["R2"]
    scene.create("R2", id="b" + IDS[0][1:])
    lists = listings(scene)
    run(lists)
    assert lists.lagging == lists.unsorted == {"R2"}
    again = listings(scene, unsorted_regions=lists.unsorted)
    images, gaps = run(again)
    assert images["R2"] == sorted(name.lower() for name in glance.ids)
    assert not any(gaps.values())


@pytest.mark.parametrize("more", [False, True])
def test_a_region_is_sorted_in_memory_up_to_a_bound(scene, monkeypatch, more):
    visible, _ = listings(scene).streams()["R2"]
    size = sum(len(lenient_json.dumps(image)) for page in visible for image in page)
    monkeypatch.setattr(regions_module, "SORTED_BYTES", size - more)
    lists = listings(scene, unsorted_regions={"R2"})
    images, _ = run(lists)
    assert images["R2"] == ([] if more else IDS[:30])
    assert lists.problems.keys() == ({"R2"} if more else set())


def test_forced_copies_come_before_the_first_page(scene):
    scene.create("R2", kingbird_forced="true", name="forced")
    noted = []
    lists = listings(
        scene, forced_regions=["R2", "R3"], note_forced=lambda *page: noted.append(page)
    )
    stream = lists.streams()["R2"][0]
    assert not noted
    next(stream)
    ((region, page),) = noted
    assert (region, [image["name"] for image in page]) == ("R2", ["forced"])
