"""Claims and fences."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import candidates, connection, leases
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    planned_job,
    renew,
    row,
    store_plan,
)


def test_one_engine_wins(database):
    job_id = accepted_job()
    claim = db.leases.claim_job("e1", LEASE)
    assert (claim.job.id, claim.generation, claim.task) == (job_id, 1, None)
    assert db.leases.claim_job("e2", LEASE) is None


def test_many_engines_claim_each_job_once(database):
    ids = {accepted_job() for _ in range(20)}
    claimed, lock = [], threading.Lock()

    def engine(name):
        misses = 0
        while misses < 3:
            claim = db.leases.claim_job(name, LEASE)
            if claim is None:
                misses += 1
                continue
            with lock:
                claimed.append(claim.job.id)

    threads = [threading.Thread(target=engine, args=(f"e{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(ids)


def test_an_expired_lease_is_taken_over_and_fences_the_old_engine_out(database):
    accepted_job()
    old = db.leases.claim_job("e1", -1)
    new = db.leases.claim_job("e2", LEASE)
    assert new.generation == old.generation + 1
    with pytest.raises(exception.LeaseLost):
        renew(old, LEASE)
    with pytest.raises(exception.LeaseLost):
        store_plan(old, [row()])
    with pytest.raises(exception.LeaseLost):
        db.leases.release(old)
    renew(new, LEASE)


def test_a_renewed_lease_is_not_taken(database):
    accepted_job()
    claim = db.leases.claim_job("e1", -1)
    renew(claim, LEASE)
    assert db.leases.claim_job("e2", LEASE) is None


def test_a_released_claim_is_taken_at_once(database):
    accepted_job()
    db.leases.release(db.leases.claim_job("e1", LEASE))
    again = db.leases.claim_job("e2", LEASE)
    assert again.job.attempts == 0, "handing back counts as no attempt"
    db.leases.release(again, count_attempt=True)
    assert db.leases.claim_job("e2", LEASE).job.attempts == 1


def test_jobs_with_a_users_token_only_for_who_holds_it(database):
    job_id = accepted_job(trust_id=None)
    assert db.leases.claim_job("e1", LEASE) is None
    assert db.leases.claim_job("e2", LEASE, token_jobs={job_id: None}).job.id == job_id


def test_tasks_of_jobs_with_a_users_token_only_for_who_holds_it(database):
    job_id = planned_job(trust_id=None)
    assert db.leases.claim_task("e1", LEASE) is None
    assert db.leases.claim_task("e2", LEASE, token_jobs={job_id: None}).job.id == job_id


def test_tasks_are_claimed_one_by_one(database):
    planned_job(row(region="R2"), row(region="R3"))
    claims = [db.leases.claim_task(name, LEASE) for name in ("e1", "e2", "e3")]
    assert claims.pop() is None
    assert {claim.task.region for claim in claims} == {"R2", "R3"}


def test_tasks_of_ended_jobs_are_not_claimed(database):
    job_id = planned_job()
    db.job_ends.end_job(db.jobs.get(PROJECT, job_id))
    assert db.leases.claim_task("e1", LEASE) is None


def test_all_leases_are_renewed_by_a_statement_for_jobs_and_one_for_tasks(database):
    """However many there are."""
    claims = []
    for _ in range(3):
        planned_job(row(region="R2"), row(region="R3"))
        claims += [db.leases.claim_task("e1", LEASE) for _ in range(2)]
        accepted_job()
        claims.append(db.leases.claim_job("e1", LEASE))
    db.leases.renew(claims, -1)
    updates = []

    def note(conn, cursor, statement, parameters, context, executemany):
        if statement.startswith("UPDATE"):
            updates.append(statement)

    sa.event.listen(db.get_engine(), "before_cursor_execute", note)
    try:
        assert db.leases.renew(claims, LEASE) == ([], [])
    finally:
        sa.event.remove(db.get_engine(), "before_cursor_execute", note)
    assert len(updates) == 2
    assert db.leases.claim_job("e2", LEASE) is None
    assert db.leases.claim_task("e2", LEASE) is None


@pytest.mark.parametrize("claimed", [db.leases.claim_job, db.leases.claim_task])
def test_a_renewal_does_not_wait_for_a_transaction_under_a_lease(database, claimed):
    """A locked row is told, and the others are renewed."""
    for _ in range(2):
        planned_job() if claimed is db.leases.claim_task else accepted_job()
    busy, free = (claimed("e1", LEASE) for _ in range(2))
    db.leases.renew([busy, free], -1)
    with contextlib.ExitStack() as transaction:
        if db.get_engine().dialect.name == "sqlite":
            # It locks the database as a whole, so nobody renews meanwhile.
            assert db.leases.renew([free], LEASE) == ([], [])
        else:
            session = transaction.enter_context(connection.writer())
            leases.fence(session, busy)
            assert db.leases.renew([busy, free], LEASE) == ([], [busy])
    taken = claimed("e2", LEASE)
    assert taken.row.pk == busy.row.pk
    assert claimed("e2", LEASE) is None
    assert db.leases.renew([busy, free], LEASE) == ([busy], [])


@pytest.mark.parametrize("claimed", [db.leases.claim_job, db.leases.claim_task])
def test_engines_that_claim_at_once_take_different_work(database, claimed, monkeypatch):
    """The second one waits for nothing, even if all that it reads first is being claimed."""
    monkeypatch.setattr(candidates, "CANDIDATES", 2)
    model = db.Job if claimed is db.leases.claim_job else db.Task
    for _ in range(3):
        planned_job() if model is db.Task else accepted_job()
    with connection.reader() as session:
        pks = session.scalars(sa.select(model.pk).order_by(model.pk)).all()[-3:]
    with contextlib.ExitStack() as transaction:
        first = pks[:2]
        if db.get_engine().dialect.name == "sqlite":
            # It locks the database as a whole, so the others have claimed before.
            assert [claimed("e1", LEASE).row.pk for _ in first] == first
        else:
            session = transaction.enter_context(connection.writer())
            for pk in first:
                session.execute(sa.select(model.pk).where(model.pk == pk).with_for_update())
        assert claimed("e2", LEASE).row.pk == pks[2]


@pytest.mark.parametrize("claimed", [db.leases.claim_job, db.leases.claim_task])
def test_a_claim_locks_no_row_but_its_own(database, claimed, monkeypatch):
    """The database must not lock what it reads to find one: others would pass by all of that."""
    for _ in range(3):
        planned_job() if claimed is db.leases.claim_task else accepted_job()
    swap, others = leases._compare_and_swap, []

    def swap_while_others_claim(*args, **options):
        if db.get_engine().dialect.name != "sqlite" and not others:
            others.append(None)
            with ThreadPoolExecutor(2) as pool:
                others[:] = pool.map(lambda name: claimed(name, LEASE), ("e2", "e3"))
        return swap(*args, **options)

    monkeypatch.setattr(leases, "_compare_and_swap", swap_while_others_claim)
    first = claimed("e1", LEASE)
    if db.get_engine().dialect.name == "sqlite":
        # It locks the database as a whole.
        others[:] = [claimed(name, LEASE) for name in ("e2", "e3")]
    assert len({claim.row.pk for claim in (first, *others)}) == 3


def test_engines_that_come_too_late_for_the_first_row_try_different_ones():
    candidates = [(pk, 0) for pk in range(100)]
    tried = [leases._spread(candidates, f"engine {number}") for number in range(50)]
    assert {order[0] for order in tried} == {candidates[0]}
    assert len({order[1] for order in tried}) > 25
    assert all(sorted(order) == candidates for order in tried)
    assert leases._spread([], "engine") == []
