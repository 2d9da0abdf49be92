"""Leases as an engine holds them."""

import time

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine import service
from kingbird.engine.leases import RENEW_FRACTION, WRITE_FRACTION, HeldLease, LeaseKeeper
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


#: Phases of a call that each take as long as its timeout: to connect, and to wait for an answer.
PHASES = 2


@pytest.mark.parametrize("lease", [2, 30, 600])
def test_a_call_ends_before_the_lease_under_which_it_began(conf, monkeypatch, lease):
    conf.set_override("lease", lease, group="engine")
    given = {}
    for name in ("Keystone", "ImageClientFactory"):
        monkeypatch.setattr(
            service, name, lambda conf, timeout, name=name: given.setdefault(name, timeout)
        )
    service.Engine(conf, rpc_version="1.0")
    assert set(given) == {"Keystone", "ImageClientFactory"}
    for timeout in given.values():
        assert 0 < WRITE_FRACTION * lease + PHASES * timeout <= lease


def test_a_lease_is_renewed_before_writing_has_to_stop():
    assert 0 < RENEW_FRACTION < WRITE_FRACTION < 1
