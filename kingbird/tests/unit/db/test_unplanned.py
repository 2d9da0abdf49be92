"""The rest of a plan when its job ends: some items at a time, as a request may mean millions."""

import tracemalloc

from kingbird.db import models, unplanned
from kingbird.tests.unit.db.rows import sync_set


def left(*sets, lagging=()):
    rest = {"known_to": dict.fromkeys(lagging, "")}
    return unplanned._left(models.Job(request=list(sets), plan_rest=rest))


def test_the_first_set_that_names_an_image_for_a_region_counts():
    sets = sync_set(["a", "b"], ["R1"], ["R3"]), sync_set(["b", "c"], ["R2"], ["R3", "R4"])
    assert dict(left(*sets, lagging=["R3"])) == {
        ("a", "R3"): "R1",
        ("b", "R3"): "R1",
        ("c", "R3"): "R2",
        ("b", "R4"): "R2",
        ("c", "R4"): "R2",
    }


def test_one_item_stands_for_all_images_of_a_region_that_lags():
    sets = sync_set(["*"], ["R1", "R2"], ["R3", "R4"]), sync_set(["a"], ["R5"], ["R1"])
    assert dict(left(*sets, lagging=["R2", "R4", "R5"])) == {
        ("*", "R2"): "*",
        ("*", "R4"): "*",
        ("a", "R1"): "R5",
    }


def test_the_pairs_of_one_region_are_in_memory():
    request = sync_set([f"{n:036}" for n in range(1000)], ["R"], [f"R{n}" for n in range(100)])
    tracemalloc.start()
    try:
        assert sum(1 for _ in left(request)) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
