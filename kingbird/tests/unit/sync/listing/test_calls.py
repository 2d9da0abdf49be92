"""Test that a region that lags is asked nothing more."""

import threading
import time
from concurrent import futures
from typing import Any

import pytest

from kingbird import exception
from kingbird.sync.listing.calls import RegionCalls, RegionLags
from kingbird.sync.retry import Retry
from kingbird.tests.waiting import PATIENCE


def test_a_region_that_lags_is_not_called() -> None:
    asked: list[str] = []

    def submit(region: str, function: Any) -> "futures.Future[Any]":
        asked.append(region)
        done: futures.Future[Any] = futures.Future()
        done.set_result(function())
        return done

    calls = RegionCalls(submit, Retry(lambda: 10, threading.Event()))
    calls.lagging.add("R2")
    assert calls.begin("R1", lambda: "answer").result(timeout=0) == "answer"
    with pytest.raises(RegionLags):
        calls.begin("R2", lambda: "answer").result(timeout=0)
    assert asked == ["R1"]


SLOW = 0.2
RETRY = Retry(lambda: 10, threading.Event())


def in_queue(region: str, function: Any) -> "futures.Future[Any]":
    """Let the calls to R2 wait behind others, and make those to other regions."""
    call: futures.Future[Any] = futures.Future()
    if region != "R2":
        call.set_result(function())
    return call


def lags(calls: RegionCalls, seconds: float) -> bool:
    """Return whether R2 counts as one that lags, within some time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            calls.check("R2")
        except RegionLags:
            return True
        time.sleep(SLOW / 10)
    return False


@pytest.mark.parametrize("moves", [True, False])
def test_a_place_in_a_queue_that_moves_is_no_delay(moves: bool) -> None:
    begin = time.monotonic()
    calls = RegionCalls(
        in_queue, RETRY, moved_at=lambda region: time.monotonic() if moves else begin
    ).for_part(("R1", "R2", "R3"), SLOW)
    for region in ("R1", "R2", "R3"):
        calls.begin(region, lambda: "answer")
    assert lags(calls, 3 * SLOW if moves else PATIENCE) is not moves


def test_the_time_counts_from_the_begin_of_a_call() -> None:
    with futures.ThreadPoolExecutor(max_workers=1) as pool:
        gate, other = threading.Event(), threading.Event()

        def submit(region: str, function: Any) -> "futures.Future[Any]":
            return pool.submit(function) if region == "R2" else in_queue(region, function)

        pool.submit(other.wait, PATIENCE)
        calls = RegionCalls(submit, RETRY, moved_at=lambda region: time.monotonic())
        calls = calls.for_part(("R1", "R2", "R3"), SLOW)
        for region in ("R1", "R2", "R3"):
            calls.begin(region, gate.wait if region == "R2" else str)
        try:
            assert not lags(calls, 2 * SLOW), "it has not begun"
            other.set()
            assert lags(calls, PATIENCE), "other calls end, and this one does not"
        finally:
            other.set()
            gate.set()


class Clock:
    """A clock that calls move."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("regions", "timeout", "answers", "limit"),
    [
        ("R1 R2 R3", 10, {"R1": 1, "R3": 1}, 10),
        # The slowest of the others tells what is slow.
        ("R1 R2 R3", 10, {"R1": 1, "R3": 3}, 15),
        ("R1 R2 R3", 10, {"R1": 4, "R3": 3}, 20),
        # If most are slow, the load may be the reason.
        ("R1 R2 R3", 10, {"R1": 1}, 50),
        ("R1 R2 R3 R4 R5", 10, {"R1": 1, "R3": 1}, 50),
        ("R1 R2 R3 R4", 10, {"R1": 1, "R3": 1}, 10),
        # If all are slow, none lags.
        ("R1 R2 R3", 10, {}, None),
        # There is nothing to go on with, or nobody wants to.
        ("R1 R2", 10, {"R1": 1}, None),
        ("R1 R2 R3", None, {"R1": 1, "R3": 1}, None),
    ],
)
@pytest.mark.parametrize("moved", [None, 7.0])
def test_when_a_region_lags(
    regions: str,
    timeout: float | None,
    answers: dict[str, float],
    limit: float | None,
    moved: float | None,
) -> None:
    clock = Clock()
    ended = clock.now + (moved or -1) + sum(answers.values())
    calls = RegionCalls(in_queue, RETRY, moved_at=lambda region: ended, clock=clock)
    calls = calls.for_part(regions.split(), timeout)
    for region, seconds in answers.items():
        calls.begin(region, clock.move, seconds)
    calls.begin("R2", str)
    # A call to it that ended since is a move of its queue.
    if limit is None:
        clock.move(10_000)
        calls.check("R2")
        return
    clock.move(limit + (moved or 0) - 0.1)
    calls.check("R2")
    assert not calls.lagging
    clock.move(0.2)
    with pytest.raises(RegionLags, match="R2 answers much more slowly"):
        calls.check("R2")
    assert calls.lagging == {"R2"}
    # The others do not count it any more.
    assert calls.for_part(regions.split(), timeout).lagging == set()


def failed(error: Exception) -> "futures.Future[Any]":
    call: futures.Future[Any] = futures.Future()
    call.set_exception(error)
    return call


@pytest.mark.parametrize("has_parts", [True, False])
@pytest.mark.parametrize("is_away", [True, False])
def test_a_plan_waits_for_a_region_that_is_away_if_it_has_parts(
    has_parts: bool, is_away: bool
) -> None:
    error = exception.RegionUnavailable("Away", 503)
    calls = RegionCalls(in_queue, RETRY, is_away=lambda region: is_away and region == "R2")
    if has_parts:
        calls = calls.for_part(("R1", "R2", "R3"), 10)
    for region in ("R1", "R2"):
        with pytest.raises(exception.RegionUnavailable) as caught:
            calls.wait(region, failed(error))
        leaves = has_parts and is_away and region == "R2"
        assert isinstance(caught.value, RegionLags) == leaves
        assert (caught.value is error) == (not leaves)
        assert calls.lagging == calls.away == ({"R2"} if leaves else set())
    # The next part leaves it alone, if it has to do with it.
    assert calls.for_part(("R1", "R2"), 10).lagging == calls.away
    assert calls.for_part(("R1", "R3"), 10).lagging == set()


def test_other_errors_are_raised_as_they_are() -> None:
    calls = RegionCalls(in_queue, RETRY, is_away=lambda region: True, away=["R3"])
    calls = calls.for_part(("R1", "R2", "R3"), 10)
    for error in (exception.ImageRequestRejected("No.", 403), RegionLags("R2")):
        with pytest.raises(type(error)) as caught:
            calls.result("R2", failed(error))
        assert caught.value is error
    assert (calls.lagging, calls.away) == ({"R3"}, {"R3"})


def test_a_call_that_ended_leaves_the_region_in_its_queue() -> None:
    clock = Clock()
    moved: dict[str, float] = {}
    calls = RegionCalls(in_queue, RETRY, moved_at=lambda region: moved[region], clock=clock)
    calls = calls.for_part(("R1", "R2", "R3"), 10)
    for region in ("R1", "R2", "R3"):
        calls.begin(region, str)
    calls._submit = lambda region, function: function()
    calls.begin("R2", str)
    # Another call to it waits while those of other jobs go on.
    clock.move(1_000)
    moved["R2"] = clock.now
    calls.check("R2")
