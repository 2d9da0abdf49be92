"""Breakers: when a region is left alone, and how it comes back."""

from concurrent import futures
from concurrent.futures import ThreadPoolExecutor

import pytest

from kingbird import exception
from kingbird.engine.circuit_breaker import CircuitBreakers
from kingbird.tests.unit.sync.scene import submit


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breakers(clock):
    return CircuitBreakers(lambda: 3, lambda: 30.0, clock)


def fail(breakers, times, region="R1"):
    for _ in range(times):
        breakers.record(breakers.try_acquire(region), failed=True)


def test_failures_in_a_row_open_it(breakers):
    fail(breakers, 2)
    breakers.record(breakers.try_acquire("R1"), failed=False)
    fail(breakers, 2)
    assert breakers.try_acquire("R1")
    fail(breakers, 1)
    assert not breakers.try_acquire("R1")
    assert breakers.try_acquire("R2"), "the others don't notice"


def test_after_a_pause_one_try_decides(breakers, clock):
    fail(breakers, 3)
    clock.now += 31
    fail(breakers, 1)
    assert not breakers.try_acquire("R1")
    clock.now += 29
    assert not breakers.try_acquire("R1")
    clock.now += 2
    breakers.record(breakers.try_acquire("R1"), failed=False)
    assert breakers.try_acquire("R1")
    assert breakers.try_acquire("R1")


@pytest.mark.parametrize(
    ("failed", "then"), [(False, [True] * 3), (True, [False] * 3)], ids=["back", "away"]
)
def test_calls_beside_the_try_wait_for_its_end(breakers, clock, failed, then):
    fail(breakers, 3)
    clock.now += 31
    ticket = breakers.try_acquire("R1")
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(breakers.try_acquire, "R1") for _ in range(3)]
        assert not futures.wait(answers, timeout=0.1).done
        assert breakers.try_acquire("R2"), "the others don't notice"
        breakers.record(ticket, failed=failed)
        assert [answer.result(5) is not None for answer in answers] == then


def test_after_a_try_that_came_to_nothing_the_next_one_decides(breakers, clock):
    fail(breakers, 3)
    clock.now += 31
    ticket = breakers.try_acquire("R1")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(breakers.try_acquire, "R1")
        breakers.record(ticket, failed=None)
        ticket = answer.result(5)
    breakers.record(ticket, failed=True)
    assert not breakers.try_acquire("R1")


@pytest.mark.parametrize("failed", [False, True, None])
def test_what_began_before_it_opened_ends_no_try_and_decides_nothing(breakers, clock, failed):
    old = [breakers.try_acquire("R1") for _ in range(3)]
    fail(breakers, 3)
    breakers.record(old[0], failed=failed)
    assert breakers.open_regions() == ["R1"]
    clock.now += 31
    ticket = breakers.try_acquire("R1")
    assert ticket
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(breakers.try_acquire, "R1")
        breakers.record(old[1], failed=failed)
        assert not futures.wait([answer], timeout=0.1).done, "a second try beside the first"
        assert breakers.open_regions() == ["R1"]
        breakers.record(ticket, failed=False)
        assert answer.result(5)
    breakers.record(old[2], failed=True)
    fail(breakers, 2)
    assert breakers.try_acquire("R1"), "of those in a row since it closed, that was none"


def test_a_failure_of_then_makes_no_pause_longer(breakers, clock):
    old = breakers.try_acquire("R1")
    fail(breakers, 3)
    clock.now += 20
    breakers.record(old, failed=True)
    clock.now += 11
    assert breakers.try_acquire("R1")


def test_a_fault_ends_the_try(breakers, clock):
    fail(breakers, 3)
    clock.now += 31

    def call():
        raise ZeroDivisionError

    assert isinstance(breakers.wrap(submit)("R1", call).exception(), ZeroDivisionError)
    assert breakers.try_acquire("R1")


@pytest.mark.parametrize("error", [exception.Cancelled, exception.KeystoneUnavailable])
def test_a_call_that_was_given_up_says_nothing_of_its_region(breakers, error):
    fail(breakers, 2)

    def call():
        raise error("No more.")

    assert isinstance(breakers.wrap(submit)("R1", call).exception(), error)
    assert breakers.try_acquire("R1")
    fail(breakers, 1)
    assert not breakers.try_acquire("R1"), "nor that it is back"


def test_keystones_no_is_no_answer_of_the_region(breakers, clock):
    fail(breakers, 3)
    clock.now += 31

    def call():
        raise exception.CredentialsLost("No token.")

    guarded = breakers.wrap(submit)
    assert isinstance(guarded("R1", call).exception(), exception.CredentialsLost)
    assert breakers.open_regions() == ["R1"]


def test_calls_are_guarded(breakers):
    calls = []

    def call(error=None):
        calls.append(error)
        if error:
            raise error
        return "answer"

    guarded = breakers.wrap(submit)
    away = exception.RegionUnavailable("Away.")
    for _ in range(2):
        assert guarded("R1", call, away).exception() is away
    # What says no is there.
    refused = exception.ImageRequestRejected("No.", 403)
    assert guarded("R1", call, refused).exception() is refused
    for _ in range(3):
        guarded("R1", call, away)
    calls.clear()
    assert "kept failing" in str(guarded("R1", call).exception())
    assert not calls
    assert guarded("R2", call).result() == "answer"
