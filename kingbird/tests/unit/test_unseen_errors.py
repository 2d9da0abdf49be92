"""Errors that nobody waits for are in the log."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from kingbird import exception, unseen_errors
from kingbird.cached_check import CachedCheck
from kingbird.db import api as db
from kingbird.engine.circuit_breaker import CircuitBreakers
from kingbird.engine.pools import RegionPools
from kingbird.tests.waiting import PATIENCE, wait_for


def fail() -> None:
    raise ZeroDivisionError


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log errors of threads, until the test is over."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    unseen_errors.install()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_an_error_that_ends_a_thread(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    def end() -> None:
        raise error

    thread = threading.Thread(target=end, name="kingbird-something")
    thread.start()
    thread.join()
    is_logged = "Unexpected error ended the thread kingbird-something" in caplog.text
    assert is_logged == ("Traceback" in caplog.text) == (error is not SystemExit)


def test_errors_of_futures(caplog: pytest.LogCaptureFixture) -> None:
    report = unseen_errors.reporter("the work", exception.KingbirdError)
    with ThreadPoolExecutor(1) as pool:
        for error in (exception.LeaseLost("Lost."), None, ZeroDivisionError()):

            def work(error: Exception | None = error) -> None:
                if error is not None:
                    raise error

            assert "Unexpected error" not in caplog.text
            pool.submit(work).add_done_callback(report)
            pool.submit(int).result()
    cancelled: Future[None] = Future()
    cancelled.cancel()
    report(cancelled)
    assert caplog.text.count("Unexpected error in the work") == 1


def test_a_call_to_a_region_that_nobody_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    pools = RegionPools(1, CircuitBreakers(lambda: 5, lambda: 30.0))
    pools.submit_for(db.Job(id="job", runs=1))("R1", fail)
    wait_for(lambda: "Unexpected error in a call to region R1" in caplog.text)
    pools.shutdown()


def test_a_check_that_fails_when_nobody_waits_any_more(caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()

    def check() -> None:
        assert gate.wait(PATIENCE)
        fail()

    late = CachedCheck("look", check, timeout=lambda: 0.01, ttl=lambda: 0.0)
    assert late.get() is None
    gate.set()
    wait_for(lambda: "Unexpected error in the check look" in caplog.text)
