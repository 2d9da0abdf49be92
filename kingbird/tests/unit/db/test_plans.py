"""Plans: stored whole, read back by tasks."""

import pytest

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import LEASE, PROJECT, accepted_job, planned_job, row


def test_tasks_can_be_claimed_once_the_plan_is_whole(database):
    accepted_job()
    claim = db.leases.claim_job("e1", LEASE)

    def items():
        yield row(region="R2")
        assert db.leases.claim_task("e2", LEASE) is None
        yield row(region="R3")

    assert db.plans.store(claim, items()) == 2
    assert db.leases.claim_task("e2", LEASE)
    assert db.leases.claim_job("e2", LEASE) is None, "it is planned"


def test_what_ended_in_planning_makes_no_task(database):
    accepted_job()
    claim = db.leases.claim_job("e1", LEASE)
    assert db.plans.store(claim, [row(status="SUCCESS", reason="in_sync")]) == 0


def test_planning_anew_deletes_the_older_plan(database):
    job_id = accepted_job()
    old = db.leases.claim_job("e1", LEASE)

    def stops_halfway():
        for n in range(600):
            yield row(f"old{n}")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        db.plans.store(old, stops_halfway())
    db.leases.release(old)
    new = db.leases.claim_job("e2", LEASE)
    db.plans.store(new, [row("new")])
    items = db.jobs.list_items(db.jobs.get(PROJECT, job_id))
    assert [item.resource for item in items] == ["new"]


def test_open_items_come_by_rank(database):
    planned_job(row("ami", rank=1), row("kernel"), row("done", status="SUCCESS"))
    claim = db.leases.claim_task("e1", LEASE)
    assert [item.resource for item in db.plans.open_items(claim, 10)] == ["kernel", "ami"]
    assert len(db.plans.open_items(claim, 1)) == 1


def test_a_task_sees_its_own_regions_items(database):
    planned_job(row("a", "R2"), row("a", "R3"), row("b", "R3"))
    claim = db.leases.claim_task("e1", LEASE)
    assert [item.target_region for item in db.plans.open_items(claim, 10)] == ["R2"]
    assert set(db.plans.outcomes_of(claim, {"a", "b"})) == {"a"}


def test_a_job_that_was_never_planned_fails_item_by_item(database):
    job_id = accepted_job(resources=("a", "b"), targets=("R2", "R3"))
    job = db.jobs.get(PROJECT, job_id)
    db.plans.fail_request(job, "forbidden", "No token.")
    db.plans.fail_request(job, "forbidden", "No token.")
    items = db.jobs.list_items(db.jobs.get(PROJECT, job_id))
    assert {(item.resource, item.target_region) for item in items} == {
        (image, region) for image in "ab" for region in ("R2", "R3")
    }
    assert len(items) == 4
    assert {item.reason for item in items} == {"forbidden"}
