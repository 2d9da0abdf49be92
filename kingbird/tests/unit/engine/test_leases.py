"""Leases as an engine holds them."""

from types import SimpleNamespace

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine import leases, service
from kingbird.engine.leases import RENEW_FRACTION, WRITE_FRACTION, LeaseKeeper
from kingbird.tests.unit.db.rows import accepted_job, planned_job, renew, row

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


@pytest.fixture
def keeper(database, clock):
    return LeaseKeeper(LEASE)


def test_no_write_begins_late_in_a_lease(keeper, clock):
    with keeper.hold(claim(), clock.now) as held:
        assert held.write_until == clock.now + LEASE * WRITE_FRACTION
        clock.now = held.write_until
        held.check()
        clock.now += 0.1
        with pytest.raises(exception.LeaseLost):
            held.check()
        keeper.renew()
        held.check()
        assert held.write_until == clock.now + LEASE * WRITE_FRACTION


def test_a_lease_counts_from_before_its_renewal(keeper, clock, monkeypatch):
    """The database may take its time, and the lease may have begun when it was asked."""
    began = clock.now
    plain = db.leases.renew

    def slow(*args):
        clock.now += 5
        return plain(*args)

    monkeypatch.setattr(db.leases, "renew", slow)
    with keeper.hold(claim(), clock.now - 3) as held:
        keeper.renew()
        assert held.write_until == began + LEASE * WRITE_FRACTION


def test_a_lease_that_another_engine_has_is_lost_for_good(keeper, clock, caplog):
    with keeper.hold(claim(EXPIRED), clock.now) as held:
        assert db.leases.claim_job("e2", LEASE)
        held.check()
        keeper.renew()
        assert "another engine has taken over" in caplog.text
        with pytest.raises(exception.LeaseLost):
            held.check()


def test_work_that_has_ended_has_no_lease_to_lose(keeper, clock, caplog):
    with keeper.hold(claim(EXPIRED), clock.now) as held:
        held.stop_renewing()
        assert db.leases.claim_job("e2", LEASE)
        keeper.renew()
        held.check()
    assert "taken over" not in caplog.text


def test_work_that_ends_while_its_lease_is_renewed_lost_nothing(
    keeper, clock, caplog, monkeypatch
):
    with keeper.hold(claim(), clock.now) as held:

        def lost(claims, lease):
            held.stop_renewing()
            return db.leases.Renewal(list(claims), [])

        monkeypatch.setattr(db.leases, "renew", lost)
        keeper.renew()
    assert "taken over" not in caplog.text


@pytest.mark.parametrize("error", [exception.Unavailable("Away."), ValueError("secret")])
def test_a_renewal_that_fails_does_not_prolong_a_lease(keeper, clock, monkeypatch, caplog, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(db.leases, "renew", fail)
    with keeper.hold(claim(), clock.now) as held:
        until = held.write_until
        clock.now += 1
        keeper.renew()
        held.check()
        assert held.write_until == until
        assert "Unable to renew 1 leases" in caplog.text
        clock.now = until + 0.1
        with pytest.raises(exception.LeaseLost):
            held.check()


def test_a_lease_whose_row_is_locked_is_tried_again(keeper, clock, monkeypatch):
    """A transaction works under it; the others do not wait."""
    plain, asked = db.leases.renew, []

    def locked_once(claims, lease):
        asked.append([each.job.id for each in claims])
        if len(asked) > 1:
            return plain(claims, lease)
        renewal = plain(claims[1:], lease)
        return renewal._replace(busy=[claims[0]])

    monkeypatch.setattr(db.leases, "renew", locked_once)
    one, other = claim(), claim()
    with keeper.hold(one, clock.now - 1) as first, keeper.hold(other, clock.now - 1) as second:
        keeper.renew()
        ids = {one.job.id, other.job.id}
        assert set(asked[0]) == ids
        assert set(asked[1]) == {asked[0][0]}
        assert len(asked) == 2
        assert first.write_until == second.write_until == clock.now + LEASE * WRITE_FRACTION


def test_a_lease_that_stays_locked_is_given_up_until_the_next_round(
    keeper, clock, monkeypatch, caplog
):
    def locked(claims, lease):
        clock.now += 1
        return db.leases.Renewal([], list(claims))

    monkeypatch.setattr(db.leases, "renew", locked)
    monkeypatch.setattr(leases, "BUSY_WAIT", 0)
    with keeper.hold(claim(), clock.now) as held:
        until, began = held.write_until, clock.now
        keeper.renew()
        assert clock.now - began <= LEASE * (WRITE_FRACTION - RENEW_FRACTION) + 1
        assert held.write_until == until
    assert "1 leases are locked" in caplog.text


def test_all_held_leases_are_renewed_and_no_others(keeper, clock):
    one, other = claim(), claim()
    for mine in (one, other):
        renew(mine, EXPIRED)
    with keeper.hold(one, clock.now) as held, keeper.hold(other, clock.now):
        clock.now += LEASE
        keeper.renew()
        held.check()
        assert db.leases.claim_job("e2", LEASE) is None
    renew(one, EXPIRED)
    keeper.renew()
    assert db.leases.claim_job("e2", LEASE).job.id == one.job.id


def test_a_lease_is_described_with_its_work_and_its_time(keeper, clock):
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
