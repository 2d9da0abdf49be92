"""Test that a plan in two parts finds what a plan in one part finds.

A region that lags is left to the second part.  It may hold the right source of an image, so the
first part creates records and compares nothing with another source.
"""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from kingbird.sync.plan import missing_copies
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.scene import ADMIN, ALL3, DEMO, OTHER, Scene

ANY_TO_ANY = SyncSet(("*",), ALL3, ALL3)
SETS = {
    "report": ANY_TO_ANY,
    "update": SyncSet(("*",), ALL3, ALL3, updates=True),
    "preferred": SyncSet(("*",), ALL3, ALL3, preferred=("R3", "R1", "R2")),
    "all projects": SyncSet(("*",), ALL3, ALL3, all_projects=True),
}

#: Glance lists it before small letters, and it comes after all others in lower case.
CAPITALS = "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF"
#: The second region's copy beside the first one's: its fields, and its data.
COPIES = {
    "in sync": ({}, b"one"),
    "without data": ({}, None),
    "drift": ({"name": "other"}, b"one"),
    "data conflict": ({}, b"two"),
    "owner conflict": ({"owner": OTHER}, b"one"),
}


@pytest.fixture
def pool():
    with ThreadPoolExecutor(24) as workers:
        yield lambda region, function, *args: workers.submit(function, *args)


def scene(**more):
    """Give images of every sort, in every pair of regions, and in one region alone.

    :param more: fields of all images.
    """
    made = Scene(retry_timeout=0.1)
    numbers = itertools.count(16)
    for first, second in itertools.permutations(ALL3, 2):
        for fields, data in COPIES.values():
            image_id = f"c{next(numbers):07x}-ffff-4fff-bfff-ffffffffffff"
            base = {"id": image_id, "owner": DEMO, "visibility": "community", **more}
            made.create_in(2020, first, b"one", **base)
            made.create_in(2021, second, data, **base | fields)
    for region in ALL3:
        image_id = f"c{next(numbers):07x}-ffff-4fff-bfff-ffffffffffff"
        made.create_in(2020, region, b"one", id=image_id, owner=DEMO, **more)
        # Copies that are created from here on are younger than all sources.
        made.glances[region]._now = lambda: datetime(2022, 1, 1, tzinfo=UTC)
    return made


def found(items):
    """Return what is found, by image and region; each has one item."""
    pairs = [(item.resource, item.target_region) for item in items]
    assert len(pairs) == len(set(pairs))
    return {
        pair: (item.action, item.outcome and item.outcome.reason)
        for pair, item in zip(pairs, items, strict=True)
    }


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("lagging", ALL3)
@pytest.mark.parametrize("name", SETS)
def test_two_parts_find_what_one_finds(pool, name, lagging, written):
    """Compare with a plan in one part, whether or not the first part is carried out before."""
    one = SETS[name]
    cloud = scene()
    caller = cloud.caller(ADMIN if one.all_projects else DEMO, is_admin=one.all_projects)
    options = {"caller": caller, "submit": pool, "slow_region_timeout": 0.1}
    whole = found(cloud.plan_sets(one, caller=caller))
    in_sync = cloud.planner.in_sync
    assert whole
    assert in_sync

    answers = threading.Event()
    cloud.glances[lagging].before_page = lambda query: cloud.lag_clock.hang(lagging, answers)
    first = cloud.plan_sets(one, **options)
    counted = cloud.planner.in_sync
    cursor = PlanCursor.from_json(cloud.planner.next_cursor.to_json())
    answers.set()
    if written:
        for item in first:
            if item.work:
                cloud.apply(item, caller)
    second = cloud.plan_sets(one, cursor=cursor, earlier=first, **options)
    assert found([*first, *second]) == whole
    assert counted + cloud.planner.in_sync == in_sync


def fall_behind(cloud, region, pages, act):
    """Let a region act at each page of its walks after some."""
    asked = itertools.count()

    def before(query):
        if "id" not in query and "name" not in query and next(asked) >= pages:
            act(query)

    cloud.glances[region].before_page = before


@pytest.mark.parametrize("pages", [3, 8])
@pytest.mark.parametrize("lagging", ALL3)
def test_two_parts_find_what_one_finds_though_pages_were_joined(pool, monkeypatch, lagging, pages):
    """The gap of a region that lags begins after the last page that was joined before."""
    monkeypatch.setattr(missing_copies, "GATHERED", 8)
    # No region that hangs is asked for images without a name.
    cloud = scene(name="")
    for number in range(16, 56, 4):
        for region in ALL3:
            # It is the same everywhere.
            image_id = f"c{number:07x}-0000-4000-8000-000000000000"
            cloud.create_in(2020, region, b"one", id=image_id, owner=DEMO, name="")
    for glance in cloud.glances.values():
        glance.page_size = 3
    options = {"submit": pool, "slow_region_timeout": 0.1}
    whole = found(cloud.plan_sets(ANY_TO_ANY))
    in_sync = cloud.planner.in_sync
    answers = threading.Event()
    fall_behind(cloud, lagging, pages, lambda query: cloud.lag_clock.hang(lagging, answers))
    first = cloud.plan_sets(ANY_TO_ANY, **options)
    answers.set()
    counted = cloud.planner.in_sync
    cursor = PlanCursor.from_json(cloud.planner.next_cursor.to_json())
    assert cursor.covered_to.keys() == {lagging}
    second = cloud.plan_sets(ANY_TO_ANY, cursor=cursor, earlier=first, **options)
    assert found([*first, *second]) == whole
    assert counted + cloud.planner.in_sync == in_sync


@pytest.mark.parametrize("pages", [5, 8])
@pytest.mark.parametrize("failing", ALL3)
def test_a_gap_begins_where_the_list_failed_though_pages_were_joined(monkeypatch, failing, pages):
    def plan(gathered):
        monkeypatch.setattr(missing_copies, "GATHERED", gathered)
        cloud = scene()
        for glance in cloud.glances.values():
            glance.page_size = 3
        asked = itertools.count()

        def fail(detail):
            is_page = isinstance(detail, dict) and "name" not in detail
            return unavailable() if is_page and next(asked) >= pages else None

        cloud.glances[failing].fail("list", fail, times=None)
        return found(cloud.plan_sets(ANY_TO_ANY))

    items = plan(8)
    assert items == plan(1)
    assert items.pop(("*", failing)) == ("none", "region_unavailable")
    made = {target for (_, target), (action, _) in items.items() if action == "create"}
    assert made >= set(ALL3) - {failing}


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("unsorted", ALL3)
@pytest.mark.parametrize("name", SETS)
def test_a_region_that_has_to_be_sorted_is_waited_for(pool, name, unsorted, written):
    """Create nothing from another source than a plan in one part does."""
    one = SETS[name]
    cloud = scene()
    caller = cloud.caller(ADMIN if one.all_projects else DEMO, is_admin=one.all_projects)
    items = cloud.plan_sets(one, caller=caller)
    whole, in_sync = found(items), cloud.planner.in_sync
    sources = {(item.resource, item.target_region): item.source_region for item in items}

    # The region is out of order from here on.
    cloud.create_in(2020, unsorted, b"one", id=CAPITALS, owner=DEMO)
    cloud.glances[unsorted]._now = lambda: datetime(2022, 1, 1, tzinfo=UTC)

    options = {"caller": caller, "submit": pool, "slow_region_timeout": 30}
    first = cloud.plan_sets(one, **options)
    counted = cloud.planner.in_sync
    cursor = PlanCursor.from_json(cloud.planner.next_cursor.to_json())
    assert cursor.unsorted == (unsorted,)
    if written:
        for item in first:
            if item.work:
                cloud.apply(item, caller)
    second = cloud.plan_sets(one, cursor=cursor, earlier=first, **options)
    both = [item for item in (*first, *second) if item.resource != CAPITALS]
    assert found(both) == whole
    assert {(item.resource, item.target_region): item.source_region for item in both} == sources
    in_sync[unsorted] += 1
    assert counted + cloud.planner.in_sync == in_sync
