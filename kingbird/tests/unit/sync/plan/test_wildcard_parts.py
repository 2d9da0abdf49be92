"""Plan a wildcard set in two parts, because a region is lagging."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.plan.wildcards import (
    ALL3,
    active,
    any_to_any,
    copied,
    rows,
    wildcard,
)
from kingbird.tests.unit.sync.scene import Scene


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(24) as workers:
        yield lambda region, function, *args: workers.submit(function, *args)


def test_what_a_slow_region_holds_up_is_planned_later(scene, pool):
    """Both parts together are what one plan would have been, and no pair is in both."""
    made = {region: active(scene, region, name=region)["id"] for region in ALL3}
    everywhere = active(scene)
    for region in ("R2", "R3"):
        copied(scene, everywhere, region)
    expected = rows(scene.plan_sets(any_to_any()))
    in_sync = scene.planner.in_sync

    slow = threading.Event()
    scene.glances["R3"].before_page = lambda query: slow.is_set() or time.sleep(0.7)
    first = scene.plan_sets(any_to_any(), submit=pool, slow_region_timeout=0.1)
    counted = scene.planner.in_sync
    cursor = PlanCursor.from_json(scene.planner.next_cursor.to_json())
    assert set(rows(first)) == {
        (made["R1"], "R1", "R2"),
        (made["R2"], "R2", "R1"),
    }
    slow.set()
    second = scene.plan_sets(any_to_any(), submit=pool, slow_region_timeout=0.1, cursor=cursor)
    assert scene.planner.next_cursor is None
    assert rows(second) | rows(first) == expected
    assert not rows(second).keys() & rows(first).keys()
    assert counted + scene.planner.in_sync == in_sync


def test_what_a_set_names_is_not_planned_again_with_the_rest(scene):
    image = active(scene)
    sets = SyncSet((image["id"],), ("R1",), ("R2",)), wildcard(targets=("R2", "R3"))
    items = scene.plan_sets(*sets, cursor=PlanCursor({"R2": "", "R3": ""}))
    assert rows(items) == {(image["id"], "R1", "R3"): ("create", None)}
