"""Test the heartbeats of listeners, and what they hear."""

import sqlalchemy as sa

from kingbird.db import api as db

HEARD = {"R1": {"connected": True, "heard": 5_000, "since": 1_000}}


def beat(name="l1", regions=HEARD):
    db.listeners.beat(name, host="h", pid=7, version="1.0", regions=regions)


def grow_old(name):
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Listener).where(db.Listener.id == name).values(seen=1))


def test_a_listener_is_alive_as_long_as_its_heart_beats(database):
    beat("l1")
    beat("l2", regions={"R2": {"connected": False, "heard": None, "since": None}})
    assert {one.id for one in db.listeners.alive(60)} == {"l1", "l2"}
    grow_old("l1")
    assert {one.id: alive for one, alive in db.listeners.list_all(60)} == {"l1": False, "l2": True}
    beat("l1", regions={"R1": {"connected": True, "heard": 6_000, "since": 1_000}})
    (first, _) = sorted(db.listeners.alive(60), key=lambda one: one.id)
    assert (first.host, first.pid, first.version) == ("h", 7, "1.0")
    assert first.regions["R1"]["heard"] == 6_000


def test_a_listener_that_stops_leaves_no_row(database):
    beat("l1")
    beat("l2")
    grow_old("l1")
    db.listeners.deregister("l2")
    assert db.listeners.list_all(60) == []


def test_a_region_is_heard_by_whoever_is_connected_to_it():
    listeners = [
        db.Listener(regions=HEARD),
        db.Listener(regions={"R1": {"connected": True, "heard": 9_000, "since": 1_000}}),
        db.Listener(
            regions={
                "R1": {"connected": False, "heard": 20_000, "since": 1_000},
                "R2": {"connected": True, "heard": None, "since": 3_000},
                "R3": {"connected": False, "heard": None, "since": None},
            }
        ),
    ]
    assert db.listeners.last_heard(listeners) == {"R1": 9_000, "R2": 3_000}
