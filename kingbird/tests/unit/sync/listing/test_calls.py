"""Test that a region that lags is asked nothing more."""

import threading
import time
from concurrent import futures
from typing import Any

import pytest

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
