"""Projects take turns where their calls wait."""

import threading

import pytest

from kingbird.db import api as db
from kingbird.engine.circuit_breaker import CircuitBreakers
from kingbird.engine.fair_queue import FairQueue
from kingbird.engine.pools import RegionPools
from kingbird.tests.waiting import PATIENCE


def test_projects_take_turns():
    queue, made = FairQueue(), []
    for project in "aaabac":
        queue.put(project, lambda project=project: made.append(project))
    for _ in range(6):
        queue.run_next()
    assert "".join(made) == "abcaaa"


def test_calls_of_a_project_keep_their_order():
    queue = FairQueue()
    futures = [queue.put("ab"[n % 2], lambda n=n: n) for n in range(6)]
    made = []
    for n, future in enumerate(futures):
        future.add_done_callback(lambda _, n=n: made.append(n))
    for _ in futures:
        queue.run_next()
    assert made == list(range(6))
    assert [future.result() for future in futures] == made


def test_an_error_is_the_calls_own():
    queue = FairQueue()
    bad, good = queue.put("a", lambda: 1 / 0), queue.put("a", lambda: "made")
    queue.run_next()
    queue.run_next()
    with pytest.raises(ZeroDivisionError):
        bad.result(0)
    assert good.result(0) == "made"


def test_a_call_that_was_cancelled_is_not_made():
    queue, made = FairQueue(), []
    first = queue.put("a", lambda: made.append(1))
    second = queue.put("a", lambda: made.append(2))
    assert first.cancel()
    queue.run_next()
    assert made == []
    queue.run_next()
    assert made == [2]
    assert second.done()


def test_a_projects_only_call_is_not_behind_all_calls_of_another():
    pools = RegionPools(1, CircuitBreakers(lambda: 5, lambda: 30.0))
    gate, made = threading.Event(), []

    def call(name):
        assert gate.wait(PATIENCE)
        made.append(name)

    many, one = (
        pools.submit_for(db.Job(id=name, runs=1, project_id=name)) for name in ("many", "one")
    )
    calls = [many("R1", call, f"many {number}") for number in range(10)]
    calls.append(one("R1", call, "one"))
    gate.set()
    for future in calls:
        future.result(PATIENCE)
    # The first call may have been under way.
    assert made.index("one") <= 2
    pools.shutdown()
