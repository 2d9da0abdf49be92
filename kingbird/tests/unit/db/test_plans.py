"""Plans: stored whole, read back by tasks."""

from contextlib import nullcontext

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.unit.db.lost import lost_answer
from kingbird.tests.unit.db.rows import LEASE, PROJECT, accepted_job, planned_job, row, store_plan


def test_tasks_can_be_claimed_once_the_plan_is_whole(database):
    accepted_job()
    claim = db.leases.claim_job("e1", LEASE)

    with db.plans.PlanWriter(claim) as plan:
        plan.add([row(region="R2")])
        assert db.leases.claim_task("e2", LEASE) is None
        plan.add([row(region="R3")])
        assert plan.finish({}).open_tasks == 2
    assert db.leases.claim_task("e2", LEASE)
    assert db.leases.claim_job("e2", LEASE) is None, "it is planned"


def test_what_ended_in_planning_makes_no_task(database):
    accepted_job()
    claim = db.leases.claim_job("e1", LEASE)
    assert store_plan(claim, [row(status="SUCCESS", reason="in_sync")]).open_tasks == 0


def test_planning_anew_deletes_the_older_plan(database):
    job_id = accepted_job()
    old = db.leases.claim_job("e1", LEASE)

    with db.plans.PlanWriter(old) as unfinished:
        unfinished.add([row(f"old{n}") for n in range(600)])
    db.leases.release(old)
    new = db.leases.claim_job("e2", LEASE)
    store_plan(new, [row("new")])
    items = db.jobs.list_items(db.jobs.get(PROJECT, job_id))
    assert [item.resource for item in items] == ["new"]


def test_open_items_come_by_rank(database):
    planned_job(row("ami", rank=1), row("kernel"), row("done", status="SUCCESS"))
    claim = db.leases.claim_task("e1", LEASE)
    assert [item.resource for item in db.items.open_items(claim, 10)] == ["kernel", "ami"]
    assert len(db.items.open_items(claim, 1)) == 1


def test_a_task_sees_its_own_regions_items(database):
    planned_job(row("a", "R2"), row("a", "R3"), row("b", "R3"))
    claim, other = (db.leases.claim_task("e1", LEASE) for _ in range(2))
    assert {one.task.region for one in (claim, other)} == {"R2", "R3"}
    for one in (claim, other):
        items = db.items.open_items(one, 10)
        assert {item.target_region for item in items} == {one.task.region}
    (found,) = db.items.planned(claim.job, "R2", {"a", "b"})
    assert (found.resource, found.target_region) == ("a", "R2")


def test_a_job_that_was_never_planned_fails_item_by_item(database):
    job_id = accepted_job(resources=("a", "b"), targets=("R2", "R3"))
    job = db.jobs.get(PROJECT, job_id)
    assert db.job_ends.end_job(job, "forbidden", "No token.").state == "FAILURE"
    assert db.job_ends.end_job(job, "forbidden", "No token.").state is None
    items = db.jobs.list_items(db.jobs.get(PROJECT, job_id))
    assert {(item.resource, item.target_region) for item in items} == {
        (image, region) for image in "ab" for region in ("R2", "R3")
    }
    assert len(items) == 4
    assert {item.reason for item in items} == {"forbidden"}


# Parts.


def in_two_parts(rest=("R9",)):
    """Store a plan's first part, and return the job's id and its claim."""
    job_id = accepted_job(resources=("*",), targets=("R2", *rest))
    claim = db.leases.claim_job("e1", LEASE)
    left = {"known_to": dict.fromkeys(rest, "b"), "unsorted": []}
    rows = [row("a", "R2"), row("b", "R2", status="SKIPPED", reason="region_bound")]
    assert store_plan(claim, rows, in_sync={"R2": 7}, cursor=left).open_tasks == 2
    return job_id, claim


def parts(job):
    """Return the images of the items that are listed, each with its part of the plan."""
    listed = [item.id for item in db.jobs.list_items(job)]
    query = sa.select(db.Item.resource, db.Item.part).where(
        db.Item.job_pk == job.pk, db.Item.id.in_(listed)
    )
    with db.get_engine().connect() as bind:
        return [tuple(found) for found in bind.execute(query.order_by(db.Item.pk))]


def show(job_id):
    job = db.jobs.get(PROJECT, job_id)
    return job, dict(parts(job))


def test_a_first_part_is_worked_on_while_the_rest_is_planned(database):
    job_id, claim = in_two_parts()
    assert db.leases.claim_job("e2", LEASE) is None, "its planner goes on"
    task = db.leases.claim_task("e2", LEASE)
    (item,) = db.items.open_items(task, 10)
    db.outcomes.record(task, [{"pk": item.pk, "status": "SUCCESS", "reason": "created"}])
    assert db.outcomes.end_task(task).open_tasks == 1, "what is left to plan counts"

    more = [row("a", "R2"), row("c", "R2"), row("a", "R9")]
    assert store_plan(claim, more, part=1, in_sync={"R2": 1, "R9": 2}).open_tasks == 2
    job, items = show(job_id)
    assert items == {"a": 1, "b": 0, "c": 1}
    assert [part for _, part in parts(job)] == [0, 0, 1, 1], "a in R2 stays"
    assert (job.plan_parts, job.plan_rest, job.in_sync) == (2, None, {"R2": 8, "R9": 2})
    tasks = [db.leases.claim_task("e2", LEASE) for _ in range(2)]
    assert db.leases.claim_task("e2", LEASE) is None
    assert {(one.task.region, one.task.part) for one in tasks} == {("R2", 1), ("R9", 1)}
    (here,) = (one for one in tasks if one.task.region == "R2")
    assert [item.resource for item in db.items.open_items(here, 10)] == ["c"]
    assert [db.outcomes.end_task(one).open_tasks for one in tasks] == [1, 0]


def test_a_region_waits_for_its_task_of_an_earlier_part(database):
    """An image of a later part may refer to one that the earlier task makes."""
    _, claim = in_two_parts()
    assert store_plan(claim, [row("ami", "R2"), row("ami", "R9")], part=1).open_tasks == 3
    first, other = (db.leases.claim_task("e2", LEASE) for _ in range(2))
    assert [(one.task.region, one.task.part) for one in (first, other)] == [("R2", 0), ("R9", 1)]
    assert db.leases.claim_task("e2", LEASE) is None
    # Another job's task of that region does not wait.
    planned_job()
    assert db.leases.claim_task("e2", LEASE).job.id != claim.job.id
    db.outcomes.end_task(first)
    assert db.leases.claim_task("e2", LEASE).task.part == 1


def test_another_engine_plans_the_rest(database):
    job_id, claim = in_two_parts()
    with db.plans.PlanWriter(claim, 1) as unfinished:
        unfinished.add([row("half", "R9")])
    assert set(show(job_id)[1]) == {"a", "b"}, "half a part does not count"
    db.leases.release(claim)
    again = db.leases.claim_job("e2", LEASE)
    assert again.job.id == job_id
    assert store_plan(again, [row("whole", "R9")], part=1).open_tasks == 2
    assert set(show(job_id)[1]) == {"a", "b", "whole"}
    assert db.leases.claim_job("e2", LEASE) is None


@pytest.mark.parametrize("step", ["add", "finish"])
def test_a_step_of_a_part_whose_answer_was_lost_is_done_once(database, step):
    job_id, claim = in_two_parts()
    plan = db.plans.PlanWriter(claim, 1)
    with losing(step == "add"):
        plan.add([row("c", "R9")])
    with losing(step == "finish"):
        assert plan.finish({"R9": 5}).open_tasks == 2
    job, items = show(job_id)
    assert (items, job.in_sync, job.plan_parts) == (
        {"a": 0, "b": 0, "c": 1},
        {"R2": 7, "R9": 5},
        2,
    )
    assert [claimed_region() for _ in range(3)] == ["R2", "R9", None]


@pytest.mark.parametrize("step", ["begin", "add", "finish"])
def test_a_step_of_a_retry_whose_answer_was_lost_is_done_once(database, step):
    job_id = planned_job(
        row("a", status="FAILURE", reason="quota"),
        row("*", "R3", status="FAILURE", reason="region_unavailable"),
        in_sync={"R2": 3, "R3": 2},
    )
    db.job_ends.end_job(db.jobs.get(PROJECT, job_id))
    user = {"user_id": "u", "is_admin": False, "trust_id": "t", "request_id": "r"}
    assert db.job_actions.retry(db.jobs.get(PROJECT, job_id), **user) == 2
    claim = db.leases.claim_job("e1", LEASE)
    plan = db.plans.PlanWriter(claim, 1, recounted={"R3"})
    with losing(step == "begin"):
        plan.__enter__()
    with losing(step == "add"):
        plan.add([row("a"), row("new", "R3", status="SUCCESS", reason="in_sync")])
    with losing(step == "finish"):
        assert plan.finish({"R3": 5}).open_tasks == 1
    job, items = show(job_id)
    assert (items, job.in_sync, job.plan_parts) == ({"a": 1, "new": 1}, {"R2": 3, "R3": 5}, 2)
    assert [claimed_region() for _ in range(2)] == ["R2", None]


def losing(answer):
    return lost_answer() if answer else nullcontext()


def claimed_region():
    claim = db.leases.claim_task("e2", LEASE)
    return claim and claim.task.region


def test_a_rest_that_can_not_be_planned_fails_by_region(database):
    job_id, claim = in_two_parts(rest=("R8", "R9"))
    ending = db.outcomes.end_task(claim, reason="forbidden", message="No token.")
    assert (ending.open_tasks, ending.state, ending.items) == (1, None, {"R8": 1, "R9": 1})
    job, _ = show(job_id)
    failed = [item for item in db.jobs.list_items(job) if item.status == "FAILURE"]
    assert {(item.resource, item.target_region) for item in failed} == {("*", "R8"), ("*", "R9")}
    assert db.leases.claim_job("e2", LEASE) is None
