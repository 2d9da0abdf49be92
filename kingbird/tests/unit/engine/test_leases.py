"""Leases as an engine holds them."""

from types import SimpleNamespace

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine import leases, service
from kingbird.engine.leases import RENEW_FRACTION, WRITE_FRACTION, HeldLease, LeaseKeeper
from kingbird.tests.unit.db.rows import accepted_job, planned_job, row

LEASE = 30.0
#: A lease that is over in the database when it begins.
EXPIRED = -1.0


def claim(lease=LEASE):
    accepted_job()
    return db.leases.claim_job("e1", lease)


@pytest.fixture
def clock(monkeypatch):
    """Give the engine's clock, which only the test moves."""
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def test_no_write_begins_late_in_a_lease(database, clock):
    held = HeldLease(claim(), LEASE, clock.now)
    assert held.write_until == clock.now + LEASE * WRITE_FRACTION
    clock.now = held.write_until
    held.check()
    clock.now += 0.1
    with pytest.raises(exception.LeaseLost):
        held.check()
    held.renew()
    held.check()
    assert held.write_until == clock.now + LEASE * WRITE_FRACTION


def test_a_lease_counts_from_before_its_renewal(database, clock, monkeypatch):
    """The database may take its time, and the lease may have begun when it was asked."""
    held = HeldLease(claim(), LEASE, clock.now)
    began = clock.now
    plain = db.leases.renew

    def slow(*args):
        plain(*args)
        clock.now += 5

    monkeypatch.setattr(db.leases, "renew", slow)
    held.renew()
    assert held.write_until == began + LEASE * WRITE_FRACTION


def test_a_lease_that_another_engine_has_is_lost_for_good(database, clock, caplog):
    held = HeldLease(claim(EXPIRED), LEASE, clock.now)
    assert db.leases.claim_job("e2", LEASE)
    held.check()
    held.renew()
    assert "another engine has taken over" in caplog.text
    with pytest.raises(exception.LeaseLost):
        held.check()


def test_work_that_has_ended_has_no_lease_to_lose(database, clock, caplog):
    held = HeldLease(claim(EXPIRED), LEASE, clock.now)
    held.stop_renewing()
    assert db.leases.claim_job("e2", LEASE)
    held.renew()
    held.check()
    assert "taken over" not in caplog.text


def test_work_that_ends_while_its_lease_is_renewed_lost_nothing(
    database, clock, caplog, monkeypatch
):
    held = HeldLease(claim(), LEASE, clock.now)

    def lost(*_):
        held.stop_renewing()
        raise exception.LeaseLost("gone")

    monkeypatch.setattr(db.leases, "renew", lost)
    held.renew()
    assert "taken over" not in caplog.text


@pytest.mark.parametrize("error", [exception.Unavailable("Away."), ValueError("secret")])
def test_a_renewal_that_fails_does_not_prolong_a_lease(
    database, clock, monkeypatch, caplog, error
):
    held = HeldLease(claim(), LEASE, clock.now)

    def fail(*_):
        raise error

    monkeypatch.setattr(db.leases, "renew", fail)
    until = held.write_until
    clock.now += 1
    held.renew()
    held.check()
    assert held.write_until == until
    assert "Unable to renew a lease" in caplog.text
    clock.now = until + 0.1
    with pytest.raises(exception.LeaseLost):
        held.check()


def test_all_held_leases_are_renewed_and_no_others(database, clock):
    keeper = LeaseKeeper(LEASE)
    one, other = claim(), claim()
    for mine in (one, other):
        db.leases.renew(mine, EXPIRED)
    with keeper.hold(one, clock.now) as held, keeper.hold(other, clock.now):
        clock.now += LEASE
        keeper.renew()
        held.check()
        assert db.leases.claim_job("e2", LEASE) is None
    db.leases.renew(one, EXPIRED)
    keeper.renew()
    assert db.leases.claim_job("e2", LEASE).job.id == one.job.id


def test_a_lease_is_described_with_its_work_and_its_time(database, clock):
    keeper = LeaseKeeper(LEASE)
    one = claim()
    with keeper.hold(one, clock.now - 5):
        assert keeper.describe() == [f"{one.job.id} planning, may write for 10.0 s"]
    assert keeper.describe() == []
    job_id = planned_job(row(region="R2"))
    with keeper.hold(db.leases.claim_task("e1", LEASE), clock.now):
        assert keeper.describe() == [f"{job_id} R2, may write for 15.0 s"]


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
