"""Test how an engine shares its slots between projects and regions."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird.engine.slots import Slots

REGIONS = [None, "R1", "R2", "R3"]
wanted = st.tuples(st.sampled_from("abcd"), st.sampled_from(REGIONS))


def fill(slots, works):
    """Begin each work that may be claimed, and return what runs."""
    running = []
    for project, region in works:
        may = slots.claimable()
        if project in may.full_projects or (
            region is not None and (not may.tasks or region in may.full_regions)
        ):
            continue
        slots.take(project, region)
        running.append((project, region))
    return running


@given(st.integers(1, 16), st.lists(wanted, max_size=60))
def test_whoever_asks_first_leaves_slots_for_others(number, works):
    slots = Slots(number)
    running = fill(slots, works)[:number]
    projects = Counter(project for project, _ in running)
    tasks = [region for _, region in running if region]
    if number > 1:
        assert len(tasks) < number
    if number >= 4:
        assert max(projects.values(), default=0) < number
        assert max(Counter(tasks).values(), default=0) <= number / 2


@pytest.mark.parametrize("number", [1, 2, 3, 8, 16])
def test_one_project_and_region_use_most_of_an_idle_engine(number):
    slots = Slots(number)
    running = fill(slots, [("a", "R1")] * 20 + [("a", "R2")] * 20)
    assert len(running) >= number / 2


@pytest.mark.parametrize(("number", "most"), [(4, 3), (5, 4), (16, 11)])
def test_plans_of_one_project_leave_slots(number, most):
    assert len(fill(Slots(number), [("a", None)] * 2 * number)) == most


@pytest.mark.parametrize("number", [4, 5, 16])
def test_a_region_has_at_most_half_of_the_slots_whoever_asks(number):
    works = [(str(project), "R1") for project in range(2 * number)]
    assert len(fill(Slots(number), works)) == number // 2


def test_another_project_has_a_slot_when_two_are_greedy():
    slots = Slots(16)
    fill(slots, [("a", region) for region in ("R1", "R2")] * 20)
    fill(slots, [("b", region) for region in ("R1", "R2", "R3")] * 20)
    assert fill(slots, [("c", None)]) == [("c", None)]
    slots.give_back("c", None)
    assert fill(slots, [("c", "R4")]) == [("c", "R4")]


def test_slots_that_are_given_back_are_free():
    slots = Slots(4)
    before = slots.claimable()
    running = fill(slots, [("a", "R1"), ("b", None)])
    for project, region in running:
        slots.give_back(project, region)
    assert slots.claimable() == before == (True, [], [])
