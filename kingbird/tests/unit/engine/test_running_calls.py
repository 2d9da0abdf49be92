"""The thread of a task takes the calls that have ended, several at a time."""

import threading
import time
from concurrent.futures import Future

from kingbird.engine.running_calls import RunningCalls
from kingbird.tests.waiting import PATIENCE


def some(number):
    """Return calls, and a number of futures among them."""
    calls, futures = RunningCalls(), [Future() for _ in range(number)]
    for position, future in enumerate(futures):
        calls.add(future, position)
    return calls, futures


def taken(calls, enough, timeout=PATIENCE):
    return [what for _, what in calls.take(enough, timeout)]


def test_calls_are_taken_once_in_the_order_in_which_they_end():
    calls, futures = some(3)
    for position in (2, 0):
        futures[position].set_result(None)
    assert taken(calls, 2) == [2, 0]
    assert len(calls) == 1
    futures[1].set_exception(ValueError())
    # Nothing else is under way, so the wait is over though more were asked for.
    assert taken(calls, 2) == [1]
    assert taken(calls, 2) == []


def test_fewer_are_taken_after_a_while():
    calls, futures = some(3)
    futures[0].set_result(None)
    begin = time.monotonic()
    assert taken(calls, 2, 0.05) == [0]
    assert time.monotonic() - begin >= 0.05


def test_the_thread_is_woken_once_for_several_calls():
    calls, futures = some(8)
    wakes = []
    look = calls._are_enough
    calls._are_enough = lambda: wakes.append(threading.current_thread()) or look()
    rounds = []
    thread = threading.Thread(target=lambda: rounds.extend((taken(calls, 4), taken(calls, 4))))
    thread.start()
    for future in futures:
        future.set_result(None)
    thread.join(PATIENCE)
    assert sorted(one for each in rounds for one in each) == list(range(8))
    # It looks before it waits and after it is woken, twice each at most.
    assert wakes.count(thread) <= 4


def test_calls_that_have_not_begun_are_cancelled():
    calls, futures = some(3)
    futures[0].set_result(None)
    assert futures[1].set_running_or_notify_cancel()
    calls.cancel()
    assert futures[2].cancelled()
    assert len(calls) == 2
    assert taken(calls, 1) == [0]
    futures[1].set_result(None)
    assert taken(calls, 1) == [1]
