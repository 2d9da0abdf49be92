"""Circuit breakers: when calls to a region fail fast, and when a trial is allowed."""

import contextlib
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor

import pytest

from kingbird import exception
from kingbird.engine import circuit_breaker
from kingbird.engine.circuit_breaker import CircuitBreakers
from kingbird.states import Reason
from kingbird.sync.outcome import Outcome
from kingbird.tests.waiting import PATIENCE


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


def attempt(breakers, region="R1", *, failed=None):
    """Make a call; return whether the breaker allowed it."""
    try:
        with breakers.guard(region) as made:
            made.failed = failed
    except exception.RegionUnavailable:
        return False
    return True


@contextlib.contextmanager
def call(breakers, failed, region="R1"):
    """Make a call that goes on for the length of the block."""
    with breakers.guard(region) as made:
        yield
        made.failed = failed


def fail(breakers, times):
    for _ in range(times):
        attempt(breakers, failed=True)


def test_failures_in_a_row_open_it(breakers):
    fail(breakers, 2)
    attempt(breakers, failed=False)
    fail(breakers, 2)
    assert attempt(breakers)
    fail(breakers, 1)
    assert not attempt(breakers)
    assert attempt(breakers, "R2"), "the breaker is of one region"


def test_after_the_reset_timeout_one_trial_decides(breakers, clock):
    fail(breakers, 3)
    clock.now += 31
    fail(breakers, 1)
    assert not attempt(breakers)
    clock.now += 29
    assert not attempt(breakers)
    clock.now += 2
    assert attempt(breakers, failed=False)
    assert attempt(breakers)
    assert attempt(breakers)


@pytest.mark.parametrize(
    ("failed", "then"), [(False, [True] * 3), (True, [False] * 3)], ids=["back", "away"]
)
def test_calls_beside_the_trial_wait_for_its_result(breakers, clock, failed, then):
    fail(breakers, 3)
    clock.now += 31
    with ThreadPoolExecutor(3) as pool:
        with call(breakers, failed):
            answers = [pool.submit(attempt, breakers) for _ in range(3)]
            assert not futures.wait(answers, timeout=0.1).done
            assert attempt(breakers, "R2"), "the breaker is of one region"
        assert [answer.result(PATIENCE) for answer in answers] == then


def test_after_a_trial_without_a_result_the_next_call_is_the_trial(breakers, clock):
    fail(breakers, 3)
    clock.now += 31
    with ThreadPoolExecutor(1) as pool:
        with call(breakers, None):
            answer = pool.submit(attempt, breakers, failed=True)
        assert answer.result(PATIENCE)
    assert not attempt(breakers)


@pytest.mark.parametrize("failed", [False, True, None])
def test_calls_that_began_before_it_opened_are_ignored(breakers, clock, failed):
    before = [call(breakers, failed) for _ in range(3)]
    for each in before:
        each.__enter__()
    fail(breakers, 3)
    before[0].__exit__(None, None, None)
    assert breakers.open_regions() == ["R1"]
    clock.now += 31
    with ThreadPoolExecutor(1) as pool:
        with call(breakers, False):
            answer = pool.submit(attempt, breakers)
            before[1].__exit__(None, None, None)
            assert not futures.wait([answer], timeout=0.1).done, "a second trial"
            assert breakers.open_regions() == ["R1"]
        assert answer.result(PATIENCE)
    before[2].__exit__(None, None, None)
    fail(breakers, 2)
    assert attempt(breakers), "it is none of the failures in a row since it closed"


def test_a_failure_of_an_earlier_call_extends_no_timeout(breakers, clock):
    with call(breakers, True):
        fail(breakers, 3)
        clock.now += 20
    clock.now += 11
    assert attempt(breakers)


def raising(error):
    raise error


def test_a_fault_ends_the_trial(breakers, clock):
    fail(breakers, 3)
    clock.now += 31
    with pytest.raises(ZeroDivisionError):
        breakers.call("R1", None, raising, ZeroDivisionError())
    assert attempt(breakers)


@pytest.mark.parametrize("error", [exception.Cancelled, exception.KeystoneUnavailable])
def test_a_call_that_was_given_up_says_nothing_about_its_region(breakers, error):
    fail(breakers, 2)
    with pytest.raises(error):
        breakers.call("R1", None, raising, error("No more."))
    assert attempt(breakers)
    fail(breakers, 1)
    assert not attempt(breakers), "nor that it is back"


def test_a_refused_token_says_nothing_about_the_region(breakers, clock):
    fail(breakers, 3)
    clock.now += 31
    with pytest.raises(exception.CredentialsLost):
        breakers.call("R1", None, raising, exception.CredentialsLost("No token."))
    assert breakers.open_regions() == ["R1"]


#: Results of calls, and True if the region failed.
RESULTS = [
    ("answer", False),
    (None, False),
    (exception.ImageRequestRejected("No.", 403), False),
    (exception.RegionUnavailable("Away."), True),
    (Outcome("created"), False),
    (Outcome("quota"), False),
    (Outcome("region_unavailable"), True),
    (Outcome("region_unavailable", region_contacted=False), None),
    (Outcome("forbidden", region_contacted=False), None),
]


@pytest.mark.parametrize(("result", "failed"), RESULTS)
def test_results_are_judged(breakers, clock, result, failed):
    def function():
        return raising(result) if isinstance(result, Exception) else result

    fail(breakers, 2)
    with contextlib.suppress(exception.KingbirdError):
        assert breakers.call("R1", None, function) is result
    assert bool(breakers.open_regions()) == (failed is True)
    fail(breakers, 1)
    assert bool(breakers.open_regions()) == (failed is not False)


def test_no_call_is_made_while_it_is_open(breakers):
    fail(breakers, 3)
    with pytest.raises(exception.RegionUnavailable, match="kept failing"):
        breakers.call("R1", None, pytest.fail)
    assert breakers.call("R2", None, lambda: "answer") == "answer"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (exception.RegionUnavailable("It does not answer"), "; the last time: It does not answer"),
        (
            exception.RegionUnavailable("HTTP 503: no room for image 1", 503),
            "; the last time: HTTP 503",
        ),
        (Outcome(Reason.REGION_UNAVAILABLE, "no room for image 1"), ""),
    ],
)
def test_a_call_that_is_not_made_tells_the_last_problem(breakers, error, told):
    """Other projects' images may be in what the region said."""
    fail(breakers, 2)

    def function():
        return raising(error) if isinstance(error, Exception) else error

    with contextlib.suppress(exception.RegionUnavailable):
        breakers.call("R1", None, function)
    with pytest.raises(exception.RegionUnavailable) as refused:
        breakers.call("R1", None, pytest.fail)
    assert refused.value.message == f"Region R1 kept failing, so this was not tried{told}"


# New jobs.


def ask(breakers, run, *, failed=None, caller=None):
    """Make a call for a job; return whether the breaker allowed it, and whether as a trial."""
    caller = caller or breakers.caller("R1", run)
    try:
        with breakers.guard("R1", caller) as made:
            made.failed = failed
            return True, breakers.is_trial()
    except exception.RegionUnavailable:
        return False, False


OLD, NEW, RETRIED = ("old", 1), ("new", 1), ("old", 2)


def opened_by(breakers, run):
    for _ in range(3):
        ask(breakers, run, failed=True)


@pytest.mark.parametrize("run", [NEW, RETRIED])
def test_a_run_that_has_not_seen_the_region_fail_asks_once(breakers, clock, run):
    opened_by(breakers, OLD)
    assert ask(breakers, OLD) == (False, False), "it is under way"
    assert ask(breakers, run, failed=True) == (True, True)
    assert ask(breakers, run) == (False, False)
    assert ask(breakers, OLD) == (False, False)
    clock.now += 29
    assert not attempt(breakers), "its failure begins another timeout"
    clock.now += 2
    assert ask(breakers, OLD, failed=False) == (True, True)
    assert ask(breakers, OLD) == (True, False)


def test_a_region_that_is_back_is_back_for_all(breakers):
    opened_by(breakers, OLD)
    assert ask(breakers, NEW, failed=False) == (True, True)
    assert breakers.open_regions() == []
    assert ask(breakers, OLD, failed=True) == (True, False)
    # A failure from before the region was back does not count.
    opened_by(breakers, ("other", 1))
    assert ask(breakers, NEW) == (True, True)


def test_a_run_whose_trial_said_nothing_asks_again(breakers):
    opened_by(breakers, OLD)
    assert ask(breakers, NEW, failed=None) == (True, True)
    assert ask(breakers, NEW, failed=True) == (True, True)
    assert ask(breakers, NEW) == (False, False)


def test_a_run_whose_call_began_before_it_opened_is_under_way(breakers):
    with breakers.guard("R1", breakers.caller("R1", NEW)) as made:
        opened_by(breakers, OLD)
        made.failed = True
    assert ask(breakers, NEW) == (False, False)


def test_many_new_jobs_at_once_make_one_trial(breakers):
    """Those that wait for a worker share its result too."""
    opened_by(breakers, OLD)
    callers = [breakers.caller("R1", (f"new {number}", 1)) for number in range(50)]
    with ThreadPoolExecutor(8) as pool:
        with breakers.guard("R1", breakers.caller("R1", NEW)) as made:
            answers = [pool.submit(ask, breakers, None, caller=caller) for caller in callers]
            assert not futures.wait(answers, timeout=0.1).done
            made.failed = True
        assert {answer.result(PATIENCE) for answer in answers} == {(False, False)}
    # They have asked, in that way; one that comes later asks by itself.
    assert ask(breakers, callers[7].run) == (False, False)
    assert ask(breakers, ("later", 1), failed=True) == (True, True)


def test_few_runs_are_remembered(breakers, monkeypatch):
    monkeypatch.setattr(circuit_breaker, "MAX_RUNS", 3)
    opened_by(breakers, OLD)
    for number in range(5):
        ask(breakers, (f"new {number}", 1), failed=True)
    assert [run for run, _ in breakers._breakers["R1"].runs] == ["new 2", "new 3", "new 4"]


def test_open_ones_tell_since_when(breakers, clock, monkeypatch):
    now = [1000.5]
    monkeypatch.setattr(circuit_breaker.time, "time", lambda: now[0])
    attempt(breakers, "R2", failed=False)
    fail(breakers, 3)
    since = {"breaker": "open", "since": 1_000_500}
    assert breakers.describe() == {"R1": since}
    clock.now += 31
    now[0] = 2000.0
    with call(breakers, failed=True):
        assert breakers.describe() == {"R1": {**since, "breaker": "half_open"}}
    assert breakers.describe() == {"R1": since}, "it was never closed"
    clock.now += 31
    attempt(breakers, failed=False)
    assert breakers.describe() == {}
