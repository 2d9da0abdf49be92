"""Claims while a row changes between the SELECT and the UPDATE, and fences on the same engine."""

import contextlib

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import leases
from kingbird.tests.unit.db.rows import LEASE, accepted_job, planned_job, renew, row, store_plan

#: A lease that is over when it begins.
EXPIRED = -1.0


def claim_job(engine, lease=LEASE):
    return db.leases.claim_job(engine, lease)


def claim_task(engine, lease=LEASE):
    return db.leases.claim_task(engine, lease)


CLAIMS = {claim_job: accepted_job, claim_task: planned_job}


@pytest.fixture
def between(monkeypatch):
    """Give a function that sets what happens after the next SELECT and before its UPDATE."""
    plain = leases.connection.reader

    def arrange(action):
        actions = [action]

        @contextlib.contextmanager
        def reader():
            with plain() as session:
                yield session
            if actions:
                actions.pop()()

        monkeypatch.setattr(leases.connection, "reader", reader)

    return arrange


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_lease_that_is_renewed_meanwhile_is_not_taken(database, between, claim):
    CLAIMS[claim]()
    mine = claim("e1", EXPIRED)
    between(lambda: renew(mine, LEASE))
    assert claim("e2") is None
    renew(mine, LEASE)


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("other", ["e1", "e2"])
def test_work_that_is_taken_and_let_go_meanwhile_is_not_taken_by_its_old_row(
    database, between, claim, other
):
    """Between the two statements the work may have been planned, done or ended."""
    CLAIMS[claim]()
    between(lambda: claim(other, EXPIRED))
    assert claim("e1") is None
    assert claim("e1").row.attempts == 1


@pytest.mark.parametrize("claim", CLAIMS)
def test_each_claim_has_the_next_generation_and_counts(database, claim):
    CLAIMS[claim]()
    claims = [claim(engine, EXPIRED) for engine in ("e1", "e1", "e2")]
    first = claims[0].generation
    assert [one.generation for one in claims] == [first, first + 1, first + 2]
    assert [one.row.attempts for one in claims] == [0, 1, 2]
    assert [one.engine_id for one in claims] == ["e1", "e1", "e2"]


WRITES = {
    "renew": lambda claim: renew(claim, LEASE),
    "release": db.leases.release,
    "end": db.outcomes.end_task,
}
WRITES_OF = {
    claim_job: WRITES | {"store a plan": lambda claim: store_plan(claim, [row()])},
    claim_task: WRITES | {"record": lambda claim: db.outcomes.record(claim, [])},
}


@pytest.mark.parametrize("now", ["e1", "e2"], ids=["the same engine", "another engine"])
@pytest.mark.parametrize(
    ("claim", "write"), [(claim, write) for claim in CLAIMS for write in WRITES_OF[claim]]
)
def test_nothing_is_written_under_a_claim_that_has_a_successor(database, claim, write, now):
    CLAIMS[claim]()
    old = claim("e1", EXPIRED)
    new = claim(now)
    with pytest.raises(exception.LeaseLost, match=old.job.id):
        WRITES_OF[claim][write](old)
    renew(new, LEASE)


@pytest.mark.parametrize("claim", CLAIMS)
def test_nothing_is_written_after_the_work_was_released(database, claim):
    CLAIMS[claim]()
    old = claim("e1")
    db.leases.release(old)
    with pytest.raises(exception.LeaseLost):
        renew(old, LEASE)
    assert claim("e2") is not None
