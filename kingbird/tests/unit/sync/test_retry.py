"""Waiting between tries."""

import threading

import pytest
import tenacity

from kingbird import exception
from kingbird.sync.retry import FIRST_WAIT, LONGEST_WAIT, Retry
from kingbird.tests.unit.sync.scene import Hasty


def flaky(failures, **details):
    left = [exception.RegionUnavailable("away", **details) for _ in range(failures)]

    def call():
        if left:
            raise left.pop()
        return "answer"

    return call


def test_waits_grow_and_are_bounded():
    slept = []
    assert Retry(lambda: 10_000, Hasty(slept))(flaky(12)) == "answer"
    assert len(slept) == 12
    assert slept[0] < 1
    assert max(slept) <= LONGEST_WAIT + FIRST_WAIT
    assert slept[3] > slept[0]


def test_engines_that_failed_together_do_not_come_back_together():
    """The waits of many are spread over as long as the first wait is."""
    waits = []
    for _ in range(100):
        slept = []
        Retry(lambda: 10_000, Hasty(slept))(flaky(1))
        waits += slept
    assert len(set(waits)) > 90
    assert min(waits) >= FIRST_WAIT
    assert FIRST_WAIT / 2 < max(waits) - min(waits) <= FIRST_WAIT


def test_a_region_that_asks_for_patience_gets_it():
    slept = []
    Retry(lambda: 10_000, Hasty(slept))(flaky(1, retry_after=7))
    assert slept == [7.0]


def test_a_single_call_is_made_once():
    slept = []
    single = Retry(lambda: 10_000, Hasty(slept), is_single=lambda: True)
    for retry in (single, single.with_check(lambda: None)):
        with pytest.raises(exception.RegionUnavailable):
            retry(flaky(1))
    assert slept == []


def test_each_retry_is_told_with_its_error():
    told = []
    Retry(lambda: 10_000, Hasty([]), told.append)(flaky(2, status=503))
    assert [(type(error), error.status) for error in told] == [
        (exception.RegionUnavailable, 503),
        (exception.RegionUnavailable, 503),
    ]


def test_the_last_error_is_raised_in_the_end():
    with pytest.raises(exception.RegionUnavailable, match="away"):
        Retry(lambda: 0, Hasty([]))(flaky(1))


def test_no_is_no():
    calls = []

    def refuse():
        calls.append(1)
        raise exception.ImageRequestRejected("No.", 403)

    with pytest.raises(exception.ImageRequestRejected):
        Retry(lambda: 60, Hasty([]))(refuse)
    assert len(calls) == 1


def test_an_engine_that_stops_waits_no_more_and_tries_no_more():
    stopping = threading.Event()
    stopping.set()
    calls = []

    def away():
        calls.append(1)
        raise exception.RegionUnavailable("away", retry_after=100)

    with pytest.raises(exception.RegionUnavailable):
        Retry(lambda: 1000, stopping)(away)
    assert len(calls) == 1


def test_what_the_check_raises_ends_the_wait_and_the_tries():
    calls, looks = [], []

    def away():
        calls.append(1)
        raise exception.RegionUnavailable("away", retry_after=100)

    def check():
        looks.append(1)
        if len(looks) == 3:
            raise exception.Cancelled("The job is cancelled")

    slept = []
    with pytest.raises(exception.Cancelled):
        Retry(lambda: 1000, Hasty(slept)).with_check(check)(away)
    assert (len(calls), len(looks)) == (1, 3)
    assert sum(slept) < 1


def test_who_is_checked_on_waits_as_long_as_others():
    slept = []
    call = flaky(1, retry_after=7)
    assert Retry(lambda: 1000, Hasty(slept)).with_check(lambda: None)(call) == "answer"
    assert sum(slept) == 7


# With a bound of 60 s, by a clock that only waiting moves.


class Clock(threading.Event):
    """A clock, and an event that nobody sets and that is waited for in no time."""

    def __init__(self):
        super().__init__()
        self.now = 1000.0
        self.slept = []

    def monotonic(self):
        return self.now

    def wait(self, timeout=None):
        self.slept.append(timeout)
        self.now += timeout
        return False


@pytest.fixture
def clock(monkeypatch):
    """Give the clock by which tries are bounded."""
    made = Clock()
    monkeypatch.setattr(tenacity, "time", made)
    return made


def test_more_patience_than_there_is_time_is_not_waited_for(clock):
    calls = []

    def away():
        calls.append(clock.now)
        raise exception.RegionUnavailable("away", 503, retry_after=100)

    with pytest.raises(exception.RegionUnavailable):
        Retry(lambda: 60, clock)(away)
    assert calls == [1000.0]
    assert clock.slept == []


@pytest.mark.parametrize("asked", [None, 0, 7, 25, 59])
def test_all_waiting_together_stays_within_the_bound(clock, asked):
    calls = []

    def away():
        calls.append(clock.now)
        raise exception.RegionUnavailable("away", 503, retry_after=asked)

    with pytest.raises(exception.RegionUnavailable):
        Retry(lambda: 60, clock)(away)
    assert len(calls) > 1
    assert sum(clock.slept) < 60
    assert min(clock.slept) >= (asked or 0)


def test_time_that_calls_take_counts(clock):
    def slow():
        clock.now += 25
        raise exception.RegionUnavailable("away", retry_after=10)

    with pytest.raises(exception.RegionUnavailable):
        Retry(lambda: 60, clock)(slow)
    assert clock.slept == [10]
