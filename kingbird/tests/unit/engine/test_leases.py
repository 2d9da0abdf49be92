"""Leases as an engine holds them."""

import time

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine.leases import WRITE_FRACTION, HeldLease, LeaseKeeper
from kingbird.tests.unit.db.rows import accepted_job


def claim(lease=30.0):
    accepted_job()
    return db.leases.claim_job("e1", lease)


def test_no_write_begins_late_in_a_lease(database):
    now = time.monotonic()
    HeldLease(claim(), 30.0, now).check()
    late = HeldLease(claim(), 30.0, now - 30.0 * WRITE_FRACTION - 0.1)
    with pytest.raises(exception.LeaseLost):
        late.check()
    late.renew()
    late.check()


def test_a_lease_that_another_engine_has_is_lost_for_good(database):
    mine = claim(0.01)
    held = HeldLease(mine, 30.0, time.monotonic())
    time.sleep(0.05)
    assert db.leases.claim_job("e2", 30.0)
    held.check()
    held.renew()
    with pytest.raises(exception.LeaseLost):
        held.check()


def test_a_database_that_is_away_does_not_prolong_a_lease(database, monkeypatch):
    held = HeldLease(claim(), 0.2, time.monotonic())

    def away(*_):
        raise exception.Unavailable("Away.")

    monkeypatch.setattr(db.leases, "renew", away)
    held.renew()
    held.check()
    time.sleep(0.15)
    with pytest.raises(exception.LeaseLost):
        held.check()


def test_all_held_leases_are_renewed_and_no_others(database):
    leases = LeaseKeeper(0.3)
    one, other = claim(0.3), claim(0.3)
    with leases.hold(one, time.monotonic()) as held, leases.hold(other, time.monotonic()):
        time.sleep(0.2)
        leases.renew()
        held.check()
        time.sleep(0.15)
        assert db.leases.claim_job("e2", 30) is None
    leases.renew()
    time.sleep(0.3)
    assert db.leases.claim_job("e2", 30)
