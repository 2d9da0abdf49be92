"""The regions of all plans of an engine are bounded, as their pages are in memory."""

import threading
from contextlib import ExitStack

import pytest

from kingbird import exception
from kingbird.engine import planner
from kingbird.engine.region_budget import FEW, NAMED, RegionBudget, regions_of
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.engine.jobs import active, wildcard_job
from kingbird.tests.waiting import PATIENCE, wait_for


def go_on():
    """Find nothing that ends the wait."""


class Plan(threading.Thread):
    """A plan that has room until it is let go."""

    def __init__(self, budget, regions):
        super().__init__(daemon=True)
        self.begun, self.ends = threading.Event(), threading.Event()
        self._budget, self._regions = budget, regions
        self.start()

    def run(self):
        with self._budget.hold(self._regions, go_on):
            self.begun.set()
            self.ends.wait(PATIENCE)

    def end(self):
        self.ends.set()
        self.join(PATIENCE)


def test_plans_begin_in_their_order_as_far_as_there_is_room():
    budget = RegionBudget(10)
    first, second = Plan(budget, 6), Plan(budget, 4)
    wait_for(lambda: first.begun.is_set() and second.begun.is_set())
    large = Plan(budget, 9)
    wait_for(lambda: len(budget._waiting) == 1)
    small = Plan(budget, 1)
    wait_for(lambda: len(budget._waiting) == 2)
    second.end()
    # There is room for the last one, but it is not its turn.
    assert not large.begun.is_set()
    assert not small.begun.is_set()
    first.end()
    wait_for(large.begun.is_set)
    wait_for(small.begun.is_set)
    for one in (large, small):
        one.end()
    assert budget._free == 10


def test_a_plan_with_more_regions_has_all_the_room():
    budget = RegionBudget(10)
    with budget.hold(100, go_on):
        assert budget._free == 0
    assert budget._free == 10


def test_a_plan_that_is_to_end_waits_no_more():
    budget = RegionBudget(3)

    def cancelled():
        raise exception.Cancelled("The user cancelled it")

    with ExitStack() as stack:
        stack.enter_context(budget.hold(2, go_on))
        with pytest.raises(exception.Cancelled):
            stack.enter_context(budget.hold(2, cancelled))
        with budget.hold(1, cancelled):
            assert budget._free == 0
    assert budget._free == 3


def test_whole_regions_count_and_named_images_have_a_share():
    few, many = (tuple(f"{n}" for n in range(FEW // 3 + more)) for more in (0, 1))
    assert regions_of([SyncSet(few, ("R1",), ("R2", "R3", "R4"))]) == 0
    named = SyncSet(many, ("R1",), ("R2", "R3", "R4"))
    assert regions_of([named]) == NAMED
    wildcards = [SyncSet(("*",), ("R1", "R2"), (target,)) for target in ("R2", "R3")]
    assert regions_of([named, *wildcards]) == 3


def test_an_engine_compares_no_more_regions_at_a_time(scene, monkeypatch):
    monkeypatch.setattr(planner, "FIRST_PARTS", 3)
    scene.conf.set_override("slow_region_timeout", 2 * PATIENCE, group="sync")
    active(scene)
    gate, waits = threading.Event(), threading.Event()

    def hang(detail):
        # Lists by ids are answered.
        if isinstance(detail, dict):
            gate.wait(PATIENCE)

    scene.glances["R1"].fail("list", hang, times=None)
    take = RegionBudget._take

    def watched(self, place, number):
        taken = take(self, place, number)
        if not taken:
            waits.set()
        return taken

    monkeypatch.setattr(RegionBudget, "_take", watched)
    jobs = [wildcard_job(scene, trust_id=name) for name in ("one", "two")]
    scene.engine()
    wait_for(waits.is_set)
    # An image that is named does not wait for the walk.
    named = scene.job(scene.image(), targets=["R3"])
    scene.engines[0].wake()
    assert scene.ended(named) == "SUCCESS"
    # Forced copies, visible and hidden images, of one job.
    wait_for(lambda: scene.glances["R2"].count()["list"] == 3)
    assert scene.glances["R2"].count()["list"] == 3
    gate.set()
    assert {scene.ended(job_id) for job_id in jobs} == {"SUCCESS"}
