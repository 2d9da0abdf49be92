"""Waiting between tries."""

import pytest

from kingbird import exception
from kingbird.sync.retries import FIRST_WAIT, LONGEST_WAIT, Retry


def flaky(failures, **details):
    left = [exception.RegionUnavailable("away", **details) for _ in range(failures)]

    def call():
        if left:
            raise left.pop()
        return "answer"

    return call


def test_waits_grow_and_are_bounded():
    slept = []
    assert Retry(10_000, slept.append)(flaky(12)) == "answer"
    assert len(slept) == 12
    assert slept[0] < 1
    assert max(slept) <= LONGEST_WAIT + FIRST_WAIT
    assert slept[3] > slept[0]


def test_a_region_that_asks_for_patience_gets_it():
    slept = []
    Retry(10_000, slept.append)(flaky(1, retry_after=7))
    assert slept == [7.0]


def test_the_last_error_is_raised_in_the_end():
    with pytest.raises(exception.RegionUnavailable, match="away"):
        Retry(0, lambda _: None)(flaky(1))


def test_no_is_no():
    calls = []

    def refuse():
        calls.append(1)
        raise exception.ImageRefused("No.", 403)

    with pytest.raises(exception.ImageRefused):
        Retry(60, lambda _: None)(refuse)
    assert len(calls) == 1
