"""Test that no copy is updated while a source that may be the right one is not known."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.plan.retry_sets import sets_to_retry
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.oddities import HOLES, PROBLEMS, absent
from kingbird.tests.unit.sync.scene import Scene

#: Behind all others, so that lists with holes have one before it.
LAST = "ffffffff-ffff-4fff-bfff-ffffffffffff"
REGIONS = ("R1", "R2", "R3")


@pytest.fixture
def scene():
    """Give three regions: R1 has made an image private and R3 follows it, R2 is behind."""
    made = Scene(retry_timeout=0.1)
    for year, region in enumerate(REGIONS, 2020):
        visibility = "community" if region == "R2" else "private"
        made.create_in(year, region, b"data", id=LAST, visibility=visibility)
        for n in range(3):
            made.create_in(year, region, b"x", id=f"{n}{LAST[1:]}", visibility="private")
    return made


def planned(scene, one, problem, **options):
    """Plan with R1 broken; return what is said of the image in R3, and the message."""
    breaks, _ = PROBLEMS[problem]
    breaks(scene.glances["R1"])
    without = ("R1",) if breaks is absent else ()
    items = scene.plan_sets(one, without=without, **options)
    (item,) = [each for each in items if (each.resource, each.target_region) == (LAST, "R3")]
    return item


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("preferred", [(), ("R1",), ("R1", "R2")])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_wildcard_updates_nothing(scene, problem, preferred, dry_run):
    one = SyncSet(("*",), REGIONS, REGIONS, preferred=preferred, updates=True, dry_run=dry_run)
    item = planned(scene, one, problem)
    assert (item.action, item.work) == ("none", None)
    assert (item.outcome.status, item.outcome.reason) == ("FAILURE", "region_unavailable")
    assert item.outcome.message.startswith(
        "Not updated from R2, as the image may come from R1, which could not be asked: "
    )
    assert item.target_resource == LAST


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("retried", [False, True])
@pytest.mark.parametrize("problem", [name for name in PROBLEMS if PROBLEMS[name][1] != HOLES])
def test_an_image_by_id_is_not_updated(scene, problem, retried, force, dry_run):
    one = SyncSet((LAST,), REGIONS, ("R3",), force, updates=True)
    if force:
        (copy,) = scene.sync(LAST, targets=("R3",), force=True)
        change = [{"op": "replace", "path": "/visibility", "value": "shared"}]
        scene.images("R3").update(copy.target_resource, change)
    if retried:
        wildcard = SyncSet(("*",), REGIONS, ("R3",), updates=True, dry_run=dry_run)
        one = sets_to_retry([wildcard if not force else one], [(LAST, "R3")]).sets[0]
    item = planned(scene, one, problem)
    assert (item.action, item.outcome.reason) == ("none", "region_unavailable")
    assert (item.target_resource == LAST) is not force


@pytest.mark.parametrize("ids", [("*",), (LAST,)])
@pytest.mark.parametrize("problem", ["503", "absent"])
class TestAnyway:
    """Plan without an answer of a region that cannot have the right source."""

    def test_a_source_that_comes_after_the_chosen_one(self, scene, ids, problem):
        one = SyncSet(ids, REGIONS, REGIONS, preferred=("R2", "R1"), updates=True)
        item = planned(scene, one, problem)
        assert (item.action, item.source_region) == ("update", "R2")

    def test_a_record_is_created(self, scene, ids, problem):
        scene.glances["R3"].delete(LAST)
        scene.glances["R3"].purge()
        one = SyncSet(ids, REGIONS, REGIONS, preferred=REGIONS, updates=True)
        item = planned(scene, one, problem)
        assert (item.action, item.source_region) == ("create", "R2")

    def test_drift_is_reported(self, scene, ids, problem):
        one = SyncSet(ids, REGIONS, REGIONS, preferred=REGIONS)
        assert planned(scene, one, problem).outcome.reason == "drift"

    def test_a_region_that_is_no_source(self, scene, ids, problem):
        one = SyncSet(ids, ("R2",), ("R1", "R3"), updates=True)
        assert planned(scene, one, problem).action == "update"


def test_a_source_without_data_comes_after_any_that_may_have_some(scene):
    queued = scene.create_in(2019, "R2", name="new", visibility="private")["id"]
    scene.create_in(2019, "R3", id=queued, visibility="private")
    one = SyncSet((queued,), ("R2", "R1"), ("R3",), preferred=("R2", "R1"), updates=True)
    (item,) = scene.plan_sets(one)
    assert item.action == "update"
    breaks, _ = PROBLEMS["503"]
    breaks(scene.glances["R1"])
    (item,) = scene.plan_sets(one)
    assert item.outcome.reason == "region_unavailable"


def test_what_a_region_showed_before_it_failed_is_known(scene):
    """Update an image that a region listed, though its later pages can't be read."""
    first = "0" + LAST[1:]
    change = [{"op": "replace", "path": "/name", "value": "new"}]
    scene.images("R1").update(first, change)
    scene.glances["R1"].page_size = 2

    def fails(query):
        if query.get("marker"):
            raise unavailable()

    scene.glances["R1"].before_page = fails
    items = scene.plan_sets(SyncSet(("*",), REGIONS, ("R3",), updates=True))
    found = {item.resource: (item.action, item.source_region) for item in items}
    assert found[first] == ("update", "R1")
    assert found[LAST] == ("none", "R2")


# Regions that lag.


@pytest.fixture
def pool():
    with ThreadPoolExecutor(24) as workers:
        yield lambda region, function, *args: workers.submit(function, *args)


@pytest.mark.parametrize("follows", [True, False])
def test_a_copy_that_differs_waits_for_a_source_that_lags(scene, pool, follows):
    """Leave it to the part of the plan that knows the source, and count it once."""
    if not follows:
        change = [{"op": "replace", "path": "/name", "value": "other"}]
        scene.images("R3").update(LAST, change)
    one = SyncSet(("*",), REGIONS, REGIONS, preferred=REGIONS, updates=True)
    answers = threading.Event()
    scene.glances["R1"].before_page = lambda query: scene.lag_clock.hang("R1", answers)
    first = scene.plan_sets(one, submit=pool, slow_region_timeout=0.1)
    assert first == []
    counted = scene.planner.in_sync
    cursor = PlanCursor.from_json(scene.planner.next_cursor.to_json())
    answers.set()
    second = scene.plan_sets(one, submit=pool, slow_region_timeout=0.1, cursor=cursor)
    found = {item.target_region: (item.action, item.source_region) for item in second}
    assert found == {"R2": ("update", "R1")} | ({} if follows else {"R3": ("update", "R1")})
    assert counted + scene.planner.in_sync == {
        "R1": 4,
        "R2": 3,
        "R3": 3 + follows,
    }


def test_a_lagging_source_that_fails_is_not_known(scene):
    breaks, _ = PROBLEMS["503"]
    breaks(scene.glances["R1"])
    one = SyncSet(("*",), REGIONS, REGIONS, updates=True)
    items = scene.plan_sets(one, cursor=PlanCursor({"R1": ""}))
    assert {(item.resource, item.target_region): item.outcome.reason for item in items} == {
        (LAST, "R3"): "region_unavailable",
        ("*", "R1"): "region_unavailable",
    }


def test_a_source_that_has_to_be_sorted_is_known_in_the_end(scene):
    """Plan from the right source in a region whose ids don't ascend."""
    for image_id in ("B" + LAST[1:], "a" + LAST[1:]):
        scene.create_in(2020, "R1", b"x", id=image_id, visibility="private")
    one = SyncSet(("*",), REGIONS, ("R2", "R3"), updates=True)
    found = {
        (item.target_region, item.action, item.source_region)
        for item in scene.plan_sets(one)
        if item.resource == LAST
    }
    assert found == {("R2", "update", "R1")}
