"""Outcomes, and the end of tasks and jobs."""

import threading

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import counts, models
from kingbird.tests.unit.db.rows import LEASE, PROJECT, planned_job, row


def outcome(item, status="SUCCESS", reason="created"):
    return {
        "pk": item.pk,
        "status": status,
        "reason": reason,
        "message": None,
        "target_resource": item.target_resource,
    }


def work_off(claim, status="SUCCESS", reason="created"):
    items = db.items.open_items(claim, 100)
    return db.outcomes.end_task(claim, [outcome(item, status, reason) for item in items])


def test_outcomes_are_written_and_the_work_is_forgotten(database):
    job_id = planned_job(row("a"), row("b"))
    claim = db.leases.claim_task("e1", LEASE)
    first = db.items.open_items(claim, 1)
    db.outcomes.record(claim, [outcome(first[0])])
    (left,) = db.items.open_items(claim, 10)
    assert left.resource == "b"
    done = db.jobs.list_items(db.jobs.get(PROJECT, job_id))[0]
    assert (done.status, done.reason) == ("SUCCESS", "created")
    assert done.updated_at is not None


def updates_of_items(write):
    """Return how many sets of values each UPDATE of items has."""
    seen = []

    def note(conn, cursor, statement, parameters, context, executemany):
        if statement.replace('"', " ").split()[:2] == ["UPDATE", "items"]:
            seen.append(len(parameters) if executemany else 1)

    sa.event.listen(db.get_engine(), "before_cursor_execute", note)
    write()
    sa.event.remove(db.get_engine(), "before_cursor_execute", note)
    return seen


def test_equal_outcomes_are_written_with_one_statement(database):
    """A driver sends a statement for each set of values, and waits for its answer."""
    job_id = planned_job(*(row(f"i{number:02}") for number in range(40)))
    claim = db.leases.claim_task("e1", LEASE)
    outcomes = {item.resource: outcome(item) for item in db.items.open_items(claim, 100)}
    outcomes["i07"].update(status="FAILURE", reason="quota", message="No more")
    outcomes["i08"]["target_resource"] = "another"
    seen = updates_of_items(lambda: db.outcomes.record(claim, list(outcomes.values())))
    assert sorted(seen) == [1, 1, 1]
    assert not db.items.open_items(claim, 1)
    found = {item.resource: item for item in db.jobs.list_items(db.jobs.get(PROJECT, job_id))}
    assert {
        name: (item.status, item.reason, item.message, item.target_resource)
        for name, item in found.items()
    } == {
        **{name: ("SUCCESS", "created", None, name) for name in outcomes},
        "i07": ("FAILURE", "quota", "No more", "i07"),
        "i08": ("SUCCESS", "created", None, "another"),
    }
    assert db.outcomes.end_task(claim).state == "FAILURE"
    assert counts.load(db.jobs.get(PROJECT, job_id).counts) == {
        ("R2", "SUCCESS", "created"): 39,
        ("R2", "FAILURE", "quota"): 1,
    }


def test_equal_outcomes_that_are_refused_cost_no_other(database):
    job_id = planned_job(*(row(f"i{number}") for number in range(9)))
    claim = db.leases.claim_task("e1", LEASE)
    outcomes = [outcome(item) for item in db.items.open_items(claim, 100)]
    work = {"note": "x" * models.MAX_WORK}
    for one in outcomes[:5]:
        one.update(status="IN_PROGRESS", reason=None, work=work, data="pending", data_since=0)
    db.outcomes.record(claim, outcomes)
    found = db.jobs.list_items(db.jobs.get(PROJECT, job_id))
    assert [item.reason for item in found] == 5 * ["internal_error"] + 4 * ["created"]


@pytest.mark.parametrize(
    ("status", "job_status"),
    [("SUCCESS", "SUCCESS"), ("SKIPPED", "SUCCESS"), ("FAILURE", "FAILURE")],
)
def test_a_job_is_a_success_when_no_item_failed(database, status, job_status):
    job_id = planned_job(row("a"), row("b", status="SUCCESS"))
    ending = work_off(db.leases.claim_task("e1", LEASE), status)
    assert (ending.open_tasks, ending.state) == (0, job_status)
    job = db.jobs.get(PROJECT, job_id)
    assert job.status == job_status
    assert db.job_ends.end_job(job).state is None, "it has ended before"
    assert db.jobs.delete(PROJECT, job_id)


def test_of_tasks_that_end_at_once_exactly_one_ends_the_job(database):
    regions = [f"R{n}" for n in range(8)]
    planned_job(*(row(region=region) for region in regions))
    claims = [db.leases.claim_task(f"e{n}", LEASE) for n in range(8)]
    barrier, left = threading.Barrier(8), []

    def end(claim):
        barrier.wait()
        left.append(work_off(claim)[:2])

    threads = [threading.Thread(target=end, args=(claim,)) for claim in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(left) == [(0, "SUCCESS"), *((n, None) for n in range(1, 8))]


def test_an_engine_that_lost_its_task_writes_nothing(database):
    job_id = planned_job()
    old = db.leases.claim_task("e1", 0.0)
    items = db.items.open_items(old, 10)
    threading.Event().wait(0.01)
    assert db.leases.claim_task("e2", LEASE)
    for write in (
        lambda: db.outcomes.record(old, [outcome(items[0])]),
        lambda: db.outcomes.end_task(old),
    ):
        with pytest.raises(exception.LeaseLost):
            write()
    (item,) = db.jobs.list_items(db.jobs.get(PROJECT, job_id))
    assert item.status == "IN_PROGRESS"
    assert db.jobs.get(PROJECT, job_id).tasks_open == 1


def test_what_is_left_of_a_task_fails_in_its_region_only(database):
    job_id = planned_job(row("a", "R2"), row("a", "R3"), row("b", "R2", status="SUCCESS"))
    claim = db.leases.claim_task("e1", LEASE)
    ending = db.outcomes.end_task(claim, reason="region_unavailable", message="Gone.")
    # Engines that look at the same time begin with different tasks, so it may be either.
    mine = claim.region_task.region
    (other,) = {"R2", "R3"} - {mine}
    assert ending == db.Ending(open_tasks=1, items={mine: 1})
    items = db.jobs.list_items(db.jobs.get(PROJECT, job_id))
    assert {(item.resource, item.target_region): (item.status, item.reason) for item in items} == {
        ("a", mine): ("FAILURE", "region_unavailable"),
        ("a", other): ("IN_PROGRESS", None),
        ("b", "R2"): ("SUCCESS", None),
    }


def test_a_closed_job_has_no_open_item(database):
    job_id = planned_job(row("a"), row("b"))
    job = db.jobs.get(PROJECT, job_id)
    ending = db.job_ends.end_job(job, message="Closed.")
    assert ending[:4] == (0, "FAILURE", None, {"R2": 2})
    assert ending.ended_at == db.jobs.get(PROJECT, job_id).updated_at
    items = db.jobs.list_items(db.jobs.get(PROJECT, job_id))
    assert {(item.status, item.reason) for item in items} == {("FAILURE", "internal_error")}


def test_a_deleted_trust_is_forgotten(database):
    job_id = planned_job(trust_id="t1")
    job = db.jobs.get(PROJECT, job_id)
    db.job_ends.clear_trust(job)
    assert db.jobs.get(PROJECT, job_id).trust_id is None
