"""Items of a retry that wait for a region, while others of the job are worked on."""

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.tests.unit.db.lost import lost_answer
from kingbird.tests.unit.db.rows import LEASE, PROJECT, expire, outcome, planned_job, row

REST = db.retried_items.RETRY_REST


@pytest.fixture
def retried(database):
    """Return the claim of a job whose items in two regions are retried."""
    failed = {"status": "FAILURE", "reason": "region_unavailable"}
    job_id = planned_job(
        row("*", "R4", **failed), row("a", **failed), row("b", **failed), row("b", "R3", **failed)
    )
    db.job_ends.end_job(get(job_id))
    user = {"user_id": "u", "is_admin": False, "trust_id": "t", "request_id": "r"}
    assert db.job_actions.retry(get(job_id), **user) == 4
    return db.leases.claim_job("e1", LEASE)


def get(job_id):
    return db.jobs.get(PROJECT, job_id)


def store(claim, *rows, rest=None, **options):
    """Store a part of a retry's plan, though the answer to its last commit is lost."""
    with db.plans.PlanWriter(claim, get(claim.job.id).plan_parts - 1) as plan:
        plan.add(rows)
        with lost_answer():
            return plan.finish({}, rest, **options).open_tasks


def unplanned(claim):
    return set(db.job_actions.unplanned_items(claim))


def statuses(claim):
    return db.jobs.numbers_of(get(claim.job.id)).statuses


def test_a_task_leaves_alone_what_has_no_plan(retried):
    before = get(retried.job.id).plan_parts
    assert store(retried, row("a"), rest=REST, compared=["R9"]) == 2, "a task, and the rest"
    job = get(retried.job.id)
    assert (job.plan_parts, job.plan_rest) == (before + 1, REST)
    assert unplanned(retried) == {("b", "R2"), ("b", "R3"), ("*", "R4")}
    task = db.leases.claim_task("e2", LEASE)
    assert db.leases.claim_task("e2", LEASE) is None, "R3 has nothing to write"
    assert [item.resource for item in db.items.open_items(task, 9)] == ["a"]
    assert db.outcomes.end_task(task, outcome(task)).state is None
    assert unplanned(retried) == {("b", "R2"), ("b", "R3"), ("*", "R4")}
    assert statuses(retried) == {"SUCCESS": 1, "IN_PROGRESS": 3}


def test_the_next_part_takes_up_what_has_waited(retried):
    store(retried, row("a"), rest=REST, compared=["R4"])
    first = db.leases.claim_task("e2", LEASE)
    assert unplanned(retried) == {("b", "R2"), ("b", "R3")}
    assert db.items.count_before(retried.job.pk, get(retried.job.id).plan_parts) == 1
    assert store(retried, row("b"), row("b", "R3")) == 3
    assert unplanned(retried) == set()
    task = db.leases.claim_task("e2", LEASE)
    assert task.task.region == "R3"
    assert db.leases.claim_task("e2", LEASE) is None, "R2 has an earlier task"
    db.outcomes.end_task(task, outcome(task))
    db.outcomes.end_task(first, outcome(first))
    assert statuses(retried) == {"SUCCESS": 2, "IN_PROGRESS": 1}
    last = db.leases.claim_task("e2", LEASE)
    assert db.outcomes.end_task(last, outcome(last)).state == "SUCCESS"
    assert statuses(retried) == {"SUCCESS": 3}


@pytest.mark.parametrize("limit", [1, 1000])
@pytest.mark.parametrize("is_held", [False, True])
def test_what_a_complete_plan_has_left_out_ends(retried, limit, is_held, monkeypatch):
    monkeypatch.setattr("kingbird.db.item_rows.LIMIT", limit)
    if is_held:
        with db.plans.PlanWriter(retried, get(retried.job.id).plan_parts - 1) as plan:
            plan.hold([row("a")])
            assert plan.finish({}).open_tasks == 1
    else:
        store(retried, row("a"))
    assert unplanned(retried) == set()
    assert statuses(retried) == {"IN_PROGRESS": 1, "FAILURE": 2}
    task = db.leases.claim_task("e2", LEASE)
    assert db.outcomes.end_task(task, outcome(task)).state == "FAILURE"
    assert db.jobs.numbers_of(get(retried.job.id)).outcomes == {"created": 1, "internal_error": 2}


def test_an_engine_that_lost_its_lease_ends_nothing(retried, monkeypatch):
    monkeypatch.setattr("kingbird.db.item_rows.LIMIT", 1)
    expire()
    assert db.leases.claim_job("e2", LEASE)
    with pytest.raises(exception.LeaseLost):
        db.retried_items.end_most_left_out(retried, 0)
    assert len(unplanned(retried)) == 4


@pytest.mark.parametrize("limit", [1, 1000])
def test_what_waits_ends_with_the_planning(retried, limit, monkeypatch):
    store(retried, row("a"), rest=REST, compared=())
    monkeypatch.setattr("kingbird.db.item_rows.LIMIT", limit)
    steps = [db.outcomes.end_task(retried, reason="forbidden", message="No")]
    while steps[-1].has_more:
        steps.append(db.outcomes.end_task(retried, reason="forbidden", message="No"))
    assert len(steps) == (3 if limit == 1 else 1)
    assert sum((one.items[region] for one in steps for region in one.items), 0) == 3
    assert (steps[-1].open_tasks, get(retried.job.id).plan_rest) == (1, None)
    assert statuses(retried) == {"IN_PROGRESS": 1, "FAILURE": 3}
    task = db.leases.claim_task("e2", LEASE)
    assert db.outcomes.end_task(task, outcome(task)).state == "FAILURE"
    assert statuses(retried) == {"SUCCESS": 1, "FAILURE": 3}
