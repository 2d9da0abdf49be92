"""Heartbeats tell which regions are heard."""

import threading
from collections.abc import Callable

import pytest

from kingbird.listener.health import Hearing, Heart
from kingbird.tests.unit.listener.fakes import FakeDatabase
from kingbird.tests.waiting import PATIENCE, wait_for


@pytest.fixture
def beating() -> Callable[[Hearing], threading.Event]:
    """Give a function that starts heartbeats which are far between."""

    def start(hearing: Hearing) -> threading.Event:
        stopping = threading.Event()
        heart = Heart("me", hearing, lambda: 3600, stopping)
        threading.Thread(target=heart.run, daemon=True).start()
        return stopping

    return start


def test_a_region_that_is_heard() -> None:
    hearing = Hearing(["R1", "R2"])
    hearing.connected(["R1"], True)
    hearing.heard("R1")
    state = hearing.describe()
    assert state["R1"]["connected"]
    assert state["R1"]["heard"] >= state["R1"]["since"] > 0
    assert (state["R2"]["connected"], state["R2"]["heard"]) == (False, None)


def test_the_time_of_a_connection_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    hearing = Hearing(["R1"])
    hearing.connected(["R1"], True)
    since = hearing.describe()["R1"]["since"]
    monkeypatch.setattr("kingbird.listener.health._now", lambda: since + 1000)
    hearing.connected(["R1"], True)
    assert hearing.describe()["R1"]["since"] == since
    hearing.connected(["R1"], False)
    assert hearing.describe()["R1"]["since"] == since + 1000


def test_a_change_is_stored_at_once(
    rows: FakeDatabase, beating: Callable[[Hearing], threading.Event]
) -> None:
    hearing = Hearing(["R1"])
    stopping = beating(hearing)
    wait_for(lambda: rows.beats)
    hearing.connected(["R1"], True)
    wait_for(lambda: rows.beats[-1]["regions"]["R1"]["connected"])
    assert rows.beats[-1]["id"] == "me"
    stopping.set()
    hearing.changed.set()


def test_a_database_that_is_away_ends_no_heartbeats(
    rows: FakeDatabase, beating: Callable[[Hearing], threading.Event]
) -> None:
    rows.go_away()
    hearing = Hearing(["R1"])
    stopping = beating(hearing)
    assert rows.asked.wait(PATIENCE)
    rows.error = None
    hearing.connected(["R1"], True)
    wait_for(lambda: rows.beats)
    stopping.set()
    hearing.changed.set()


def test_a_listener_that_stops_is_forgotten(rows: FakeDatabase) -> None:
    Heart("me", Hearing([]), lambda: 1, threading.Event()).stop()
    assert rows.gone == ["me"]
