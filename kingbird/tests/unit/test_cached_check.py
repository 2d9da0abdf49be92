"""Cached checks: how often they run, how long callers wait, and how many share one."""

import threading

import pytest

from kingbird.cached_check import CachedCheck
from kingbird.tests.waiting import PATIENCE, eventually

SOON = 0.05


def checking(check, timeout=PATIENCE, ttl=0.0):
    return CachedCheck("look", check, timeout=lambda: timeout, ttl=lambda: ttl)


def test_what_was_found_is_answered_for_a_while():
    checks = []
    once = checking(lambda: checks.append(1) or len(checks), ttl=60)
    assert [once.get() for _ in range(3)] == [1, 1, 1]
    checks.clear()
    always = checking(lambda: checks.append(1) or len(checks))
    assert [always.get() for _ in range(3)] == [1, 2, 3]


def test_one_that_hangs_is_waited_for_once():
    gate, checks = threading.Event(), []
    hanging = checking(lambda: checks.append(1) or gate.wait(PATIENCE), timeout=SOON)
    try:
        assert [hanging.get() for _ in range(5)] == [None] * 5
        assert len(checks) == 1
    finally:
        gate.set()
    eventually("the check answers", lambda: hanging.get() is True)


def test_who_comes_meanwhile_waits_for_what_is_found():
    gate, checks, found = threading.Event(), [], []
    one = checking(lambda: checks.append(1) or gate.wait(PATIENCE), ttl=60)
    threads = [threading.Thread(target=lambda: found.append(one.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert (len(checks), found) == (1, [True] * 8)


@pytest.mark.parametrize("error", [OSError("no"), TimeoutError("too late")])
def test_an_error_is_the_callers(error):
    errors = [error]

    def check():
        if errors:
            raise errors.pop()
        return "found"

    failing = checking(check, ttl=60)
    with pytest.raises(type(error), match=str(error)):
        failing.get()
    assert failing.get() == "found"
