"""The attempts of a row are claims that have recorded nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    expire,
    outcome,
    planned_job,
    renew,
    row,
    store_plan,
)


def attempts(claim: db.Claim) -> int:
    model = type(claim.row)
    with db.get_engine().connect() as bind:
        found = bind.scalar(sa.select(model.attempts).where(model.pk == claim.row.pk))
    assert found is not None
    return found


def planning() -> db.Claim:
    accepted_job()
    return claimed(db.leases.claim_job("e1", LEASE))


def planning_a_retry() -> db.Claim:
    job_id = planned_job(row("a"), row("b"))
    job = db.jobs.get(PROJECT, job_id)
    assert job is not None
    db.job_ends.end_job(job, "quota", "")
    job = db.jobs.get(PROJECT, job_id)
    assert job is not None
    about: dict[str, Any] = {"user_id": "u", "is_admin": False, "request_id": "r"}
    assert db.job_actions.retry(job, trust_id="t", **about)
    return claimed(db.leases.claim_job("e1", LEASE))


def working() -> db.Claim:
    planned_job(row("a"), row("b"))
    return claimed(db.leases.claim_task("e1", LEASE))


def claimed(claim: db.Claim | None) -> db.Claim:
    assert claim is not None
    return claim


Act = Callable[[db.Claim], object]

#: The deeds of a claim: how it is made, the deed, and True if it counts as an attempt afterwards.
ACTS: dict[str, tuple[Callable[[], db.Claim], Act, bool]] = {
    "an outcome": (working, lambda claim: db.outcomes.record(claim, outcome(claim)), False),
    "no outcome": (working, lambda claim: db.outcomes.record(claim, []), True),
    "a renewed task": (working, lambda claim: renew(claim, LEASE), True),
    "a released task": (working, db.leases.release, False),
    "a task with a fault": (
        working,
        lambda claim: db.leases.release(claim, count_attempt=True),
        True,
    ),
    "a part": (
        planning,
        lambda claim: store_plan(claim, [row()], cursor={"known_to": {"R9": "a"}}),
        False,
    ),
    # It is deleted when the part is planned anew.
    "a batch of a part": (planning, lambda claim: db.plans.PlanWriter(claim).add([row()]), True),
    "the beginning of a part": (
        planning,
        lambda claim: db.plans.PlanWriter(claim).__enter__(),
        True,
    ),
    "a released job": (planning, db.leases.release, False),
    "a batch of a retry": (
        planning_a_retry,
        lambda claim: db.plans.PlanWriter(claim, 1).add([row("a")]),
        False,
    ),
    "a batch that is there": (
        planning_a_retry,
        lambda claim: db.plans.PlanWriter(claim, 1).add([]),
        True,
    ),
}


@pytest.mark.parametrize(("begin", "act", "counts"), ACTS.values(), ids=ACTS)
def test_a_claim_counts_until_it_has_recorded_something(
    database: Any, begin: Callable[[], db.Claim], act: Act, counts: bool
) -> None:
    claim = begin()
    assert (claim.row.attempts, attempts(claim)) == (0, 1)
    act(claim)
    assert attempts(claim) == counts


@pytest.mark.parametrize("begin", [planning, working])
def test_claims_that_record_nothing_add_up(database: Any, begin: Callable[[], db.Claim]) -> None:
    claim = begin()
    take = db.leases.claim_job if claim.task is None else db.leases.claim_task
    for number in range(1, 4):
        expire()
        assert claimed(take(f"e{number}", LEASE)).row.attempts == number


@pytest.mark.parametrize("begin", [planning, working])
def test_a_lease_that_expired_in_an_outage_is_no_attempt(
    database: Any, begin: Callable[[], db.Claim]
) -> None:
    claim = begin()
    take = db.leases.claim_job if claim.task is None else db.leases.claim_task
    for number in range(3):
        expire()
        claim = claimed(take(f"e{number}", LEASE, after_outage=True))
        assert attempts(claim) == 1
    db.leases.release(claim)
    assert attempts(claim) == 0
    # Nobody held it when the database went away.
    assert attempts(claimed(take("e9", LEASE, after_outage=True))) == 1


def test_what_has_progressed_is_released_without_a_debt(database: Any) -> None:
    claim = working()
    db.outcomes.record(claim, outcome(claim))
    db.leases.release(claim)
    assert attempts(claim) == 0
