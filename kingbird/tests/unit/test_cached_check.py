"""Looks at what may not answer: how often, for how long, and by how many at once."""

import threading

import pytest

from kingbird.cached_check import CachedCheck
from kingbird.tests.waiting import PATIENCE, eventually

SOON = 0.05


def looking(look, patience=PATIENCE, fresh=0.0):
    return CachedCheck("look", look, timeout=lambda: patience, ttl=lambda: fresh)


def test_what_was_found_is_answered_for_a_while():
    looks = []
    once = looking(lambda: looks.append(1) or len(looks), fresh=60)
    assert [once.get() for _ in range(3)] == [1, 1, 1]
    looks.clear()
    always = looking(lambda: looks.append(1) or len(looks))
    assert [always.get() for _ in range(3)] == [1, 2, 3]


def test_one_that_hangs_is_waited_for_once():
    gate, looks = threading.Event(), []
    hanging = looking(lambda: looks.append(1) or gate.wait(PATIENCE), patience=SOON)
    try:
        assert [hanging.get() for _ in range(5)] == [None] * 5
        assert len(looks) == 1
    finally:
        gate.set()
    eventually("the check answers", lambda: hanging.get() is True)


def test_who_comes_meanwhile_waits_for_what_is_found():
    gate, looks, found = threading.Event(), [], []
    one = looking(lambda: looks.append(1) or gate.wait(PATIENCE), fresh=60)
    threads = [threading.Thread(target=lambda: found.append(one.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert (len(looks), found) == (1, [True] * 8)


@pytest.mark.parametrize("error", [OSError("no"), TimeoutError("too late")])
def test_an_error_is_the_callers(error):
    errors = [error]

    def look():
        if errors:
            raise errors.pop()
        return "found"

    failing = looking(look, fresh=60)
    with pytest.raises(type(error), match=str(error)):
        failing.get()
    assert failing.get() == "found"
