"""One engine at a time has a duty."""

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from kingbird.db import api as db


def expire():
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Duty).values(expires=1))


def test_who_has_a_duty_keeps_it(database):
    assert db.duties.hold("reaper", "one", 60)
    assert not db.duties.hold("reaper", "two", 60)
    assert db.duties.hold("reaper", "one", 60)
    assert db.duties.hold("another", "two", 60)


def test_another_takes_it_after_its_time(database):
    assert db.duties.hold("reaper", "one", 60)
    expire()
    assert db.duties.hold("reaper", "two", 60)
    assert not db.duties.hold("reaper", "one", 60)


def test_an_engine_that_stops_leaves_its_own(database):
    assert db.duties.hold("reaper", "one", 60)
    db.engines.deregister("two")
    assert not db.duties.hold("reaper", "two", 60)
    db.engines.deregister("one")
    assert db.duties.hold("reaper", "two", 60)


def test_of_many_that_ask_at_once_one_has_it(database):
    for n in range(5):
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda one, n=n: db.duties.hold(f"{n}", one, 60), "abcdefgh"))
        assert found.count(True) == 1
