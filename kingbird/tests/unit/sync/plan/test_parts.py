"""Plans in parts: the other regions do not wait for one that lags, whatever selects the images."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from kingbird.sync import image as fields
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import FakeGlance, unavailable
from kingbird.tests.unit.sync.scene import OTHER, RULES, Scene

ALL3 = ("R1", "R2", "R3")


@pytest.fixture
def pool():
    with ThreadPoolExecutor(24) as workers:
        yield lambda region, function, *args: workers.submit(function, *args)


class Parts:
    """Plans in two parts, in the first of which some regions hang."""

    def __init__(self, pool):
        self.scene = Scene(retry_timeout=0)
        self.scene.glances |= {name: FakeGlance(name) for name in ("R4", "R5")}
        self._workers = pool
        #: The calls of both parts by region.
        self.asked = Counter()
        self._gate = threading.Event()

    def _pool(self, region, function, *args):
        self.asked[region] += 1
        return self._workers(region, function, *args)

    def make(self, region="R1", data=b"data", **image):
        image = self.scene.create(region, **{"visibility": "private", **image})
        return self.scene.glances[region].upload(image["id"], data)

    def copy(self, image, region, **changes):
        record = fields.record_for(image, "R1", RULES, image_id=image["id"])
        return self.scene.create(region, **{**record, **changes})

    def hang(self, *regions, when=lambda query: True):
        """Let regions accept calls and not answer, until the second part."""

        def hangs(region, query):
            if when(query):
                self.scene.lag_clock.hang(region, self._gate)

        for region in regions:
            self.scene.glances[region].before_page = partial(hangs, region)

    def whole(self, *sets):
        """Return what one plan says, before a region hangs, and how many are in sync."""
        return rows(self.scene.plan_sets(*sets)), self.scene.planner.in_sync

    def first(self, *sets):
        self._sets = sets
        self._begun = self.scene.plan_sets(*sets, submit=self._pool, slow_region_timeout=0.1)
        self._counted = self.scene.planner.in_sync
        self._cursor = self.scene.planner.next_cursor
        return rows(self._begun)

    def second(self):
        assert self._cursor is not None
        self._gate.set()
        self.asked.clear()
        cursor = PlanCursor.from_json(self._cursor.to_json())
        items = self.scene.plan_sets(
            *self._sets,
            submit=self._pool,
            slow_region_timeout=0.1,
            cursor=cursor,
            earlier=self._begun,
        )
        assert self.scene.planner.next_cursor is None
        assert not rows(items).keys() & rows(self._begun).keys()
        self.in_sync = self._counted + self.scene.planner.in_sync
        return rows(items)

    def end(self):
        """Let the regions answer although there is no second part."""
        assert self._cursor is None
        self._gate.set()


def rows(items):
    found = {
        (item.resource, item.target_region): (
            item.source_region,
            item.action,
            item.outcome and item.outcome.reason,
        )
        for item in items
    }
    assert len(found) == len(items)
    return found


@pytest.fixture
def parts(pool):
    made = Parts(pool)
    yield made
    made._gate.set()


def by_ids(*images, sources=("R1",), targets=("R2", "R3"), **options):
    ids = tuple(image["id"] for image in images)
    return SyncSet(ids, sources, targets, preferred=sources, **options)


def wildcard(sources=ALL3, targets=ALL3, **options):
    return SyncSet(("*",), sources, targets, **options)


@pytest.mark.parametrize("dry_run", [False, True])
def test_named_images_come_to_the_others_before_a_target_answers(parts, dry_run):
    missing, there = parts.make(), parts.make()
    for region in ("R2", "R3"):
        parts.copy(there, region)
    sets = by_ids(missing, there, dry_run=dry_run)
    expected, _ = parts.whole(sets)
    parts.hang("R3")
    assert parts.first(sets) == {key: row for key, row in expected.items() if key[1] == "R2"}
    assert parts.second() == {key: row for key, row in expected.items() if key[1] == "R3"}
    assert not parts.asked["R2"], "the region has its plan"


def test_a_region_that_hangs_after_its_first_answers(parts):
    image = parts.make()
    parts.hang("R3", when=lambda query: "os_hidden" in query)
    assert parts.first(by_ids(image)) == {(image["id"], "R2"): ("R1", "create", None)}
    assert parts.second() == {(image["id"], "R3"): ("R1", "create", None)}


@pytest.mark.parametrize("hanging", [("R3", "R4"), ("R3", "R4", "R5")])
def test_half_of_the_regions_or_more_hang(parts, hanging):
    image = parts.make()
    sets = by_ids(image, targets=("R2", *hanging))
    parts.hang(*hanging)
    assert parts.first(sets) == {(image["id"], "R2"): ("R1", "create", None)}
    assert parts.second().keys() == {(image["id"], region) for region in hanging}


def test_images_that_only_a_source_that_hangs_may_have_wait_for_it(parts):
    here, there = parts.make(), parts.make("R3")
    sets = by_ids(here, there, sources=("R1", "R3"), targets=("R2",))
    expected, _ = parts.whole(sets)
    parts.hang("R3")
    assert parts.first(sets) == {(here["id"], "R2"): ("R1", "create", None)}
    assert parts.second() == {(there["id"], "R2"): ("R3", "create", None)}
    assert len(expected) == 2


def test_a_source_that_nothing_needs_is_not_waited_for(parts):
    image = parts.make()
    parts.hang("R3")
    sets = by_ids(image, sources=("R1", "R3"), targets=("R2",))
    assert parts.first(sets) == {(image["id"], "R2"): ("R1", "create", None)}
    parts.end()


def test_a_copy_is_not_updated_before_all_sources_are_known(parts):
    image = parts.make(tags=["new"])
    for region in ("R2", "R3"):
        parts.copy(image, region, tags=["old"])
    sets = by_ids(image, sources=("R3", "R1"), targets=("R2",), updates=True)
    parts.hang("R3")
    assert parts.first(sets) == {}
    assert parts.second().keys() == {(image["id"], "R2")}


@pytest.mark.parametrize("named", [False, True])
def test_an_ami_waits_for_a_kernel_that_a_region_that_hangs_may_have(parts, named):
    kernel = parts.make("R3")
    ami = parts.make(kernel_id=kernel["id"])
    other = parts.make()
    images = (ami, kernel, other) if named else (ami, other)
    sets = by_ids(*images, sources=("R1", "R3"), targets=("R2",))
    expected, _ = parts.whole(sets)
    parts.hang("R3")
    assert parts.first(sets) == {(other["id"], "R2"): ("R1", "create", None)}
    assert parts.second() == {key: row for key, row in expected.items() if key[0] != other["id"]}


def test_an_ami_of_the_second_part_finds_its_kernels_item(parts):
    kernel = parts.make()
    ami = parts.make("R3", kernel_id=kernel["id"])
    sets = (
        by_ids(kernel, sources=("R1",), targets=("R2",)),
        by_ids(ami, sources=("R1", "R3"), targets=("R2",)),
    )
    parts.hang("R3")
    assert parts.first(*sets) == {(kernel["id"], "R2"): ("R1", "create", None)}
    assert parts.second() == {(ami["id"], "R2"): ("R3", "create", None)}


def test_a_region_that_is_away_fails_in_the_second_part(parts):
    image = parts.make()
    parts.hang("R3")
    parts.first(by_ids(image))
    parts.scene.glances["R3"].fail("*", unavailable(), times=None)
    assert parts.second() == {(image["id"], "R3"): ("R1", "none", "region_unavailable")}


def test_whole_regions_in_two_parts_are_what_one_plan_would_be(parts):
    made = {region: parts.make(region, name=region)["id"] for region in ALL3}
    everywhere = parts.make()
    for region in ("R2", "R3"):
        parts.copy(everywhere, region)
    expected, in_sync = parts.whole(wildcard())
    parts.hang("R3")
    first = parts.first(wildcard())
    assert first.keys() == {(made["R1"], "R2"), (made["R2"], "R1")}
    assert parts.second() | first == expected
    assert parts.in_sync == in_sync


@pytest.mark.parametrize("targets", [("R2", "R3"), ("R2",)])
def test_named_images_and_whole_regions_wait_for_a_region_together(parts, targets):
    """The set of named images comes first, also where its items are not known yet."""
    image, other = parts.make(tags=["a"]), parts.make("R2")
    parts.copy(image, "R3", tags=["b"])
    sets = by_ids(image, targets=targets), wildcard(("R1", "R2"), ALL3, updates=True)
    expected, in_sync = parts.whole(*sets)
    parts.hang("R3")
    first = parts.first(*sets)
    assert first.keys() == {(image["id"], "R2"), (other["id"], "R1")}
    # A list by ids, or the forced copies and two walks.
    assert parts.asked["R3"] == (1 if "R3" in targets else 3)
    assert parts.second() | first == expected
    assert parts.in_sync == in_sync


def test_a_wildcard_leaves_a_named_image_to_its_set(parts):
    image = parts.make()
    parts.make("R3", id=image["id"])
    sets = by_ids(image, sources=("R3",), targets=("R2",)), wildcard(("R1",), ("R2",))
    parts.hang("R3")
    assert parts.first(*sets) == {}
    assert parts.second() == {(image["id"], "R2"): ("R3", "create", None)}


def test_whole_regions_are_not_listed_again_for_named_images(parts):
    image, other = parts.make(), parts.make("R2")
    sets = by_ids(image, targets=("R3", "R4")), wildcard(("R1", "R2"), ("R1", "R2"))
    expected, in_sync = parts.whole(*sets)
    parts.hang("R3")
    first = parts.first(*sets)
    assert first.keys() == {
        (image["id"], "R4"),
        (image["id"], "R2"),
        (other["id"], "R1"),
    }
    assert parts.second() | first == expected
    assert parts.in_sync == in_sync
    assert not parts.asked["R2"]


def test_what_a_set_names_is_not_planned_again_with_the_rest(parts):
    image = parts.make()
    sets = by_ids(image, targets=("R2",)), wildcard(("R1",), ("R2", "R3"))
    parts.hang("R3", when=lambda query: "sort_key" in query)
    assert parts.first(*sets) == {(image["id"], "R2"): ("R1", "create", None)}
    assert parts.second() == {(image["id"], "R3"): ("R1", "create", None)}


def test_another_projects_image_that_came_along_is_planned_once(parts):
    kernel = parts.scene.create(owner=OTHER, visibility="public")
    ami = parts.make(kernel_id=kernel["id"])
    sets = by_ids(ami)
    expected, _ = parts.whole(sets)
    parts.hang("R3")
    first = parts.first(sets)
    assert parts.second() | first == expected
