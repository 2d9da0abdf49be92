"""Jobs are cancelled, and tried again."""

import threading

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import job_actions
from kingbird.tests.unit.db.lost import lost_answer
from kingbird.tests.unit.db.rows import LEASE, PROJECT, accepted_job, planned_job, row

RETRIER = {"user_id": "r" * 32, "is_admin": True, "trust_id": "new", "request_id": "req-2"}

OUTCOMES = (
    row("i0", status="SUCCESS", reason="created"),
    row("i1", status="FAILURE", reason="region_unavailable", message="Away", work={"a": 1}),
    row("i2", status="SKIPPED", reason="deleted_in_target"),
    row("i3", status="SKIPPED", reason="id_taken", target_region="R3"),
    row("i4", status="SKIPPED", reason="owner_conflict"),
    row("i5", status="CANCELLED", reason="cancelled"),
    row("i6", status="PLANNED", reason="created"),
)
RETRIED = ["i1", "i2", "i3", "i5"]


def an_ended_job(*items):
    job_id = planned_job(*(items or OUTCOMES))
    db.job_ends.end_job(get(job_id))
    return get(job_id)


def get(job_id):
    return db.jobs.get(PROJECT, job_id)


def raw(job):
    """Return all rows of a job, to see that nothing was changed."""
    with db.get_engine().connect() as bind:
        return [
            bind.execute(sa.select(model.__table__).where(where)).all()
            for model, where in (
                (db.Job, db.Job.pk == job.pk),
                (db.Item, db.Item.job_pk == job.pk),
            )
        ]


def test_a_job_in_progress_is_cancelled_however_often(database):
    job = get(accepted_job())
    assert (job.cancelled, job.updated_at) == (False, None)
    assert job_actions.cancel(job)
    assert job_actions.cancel(job)
    job = get(job.id)
    assert job.cancelled
    assert job.status == "IN_PROGRESS", "ending it is the engines' part"
    assert job.updated_at


def test_an_ended_job_is_not_cancelled(database):
    job = an_ended_job()
    before = raw(job)
    assert not job_actions.cancel(job)
    assert raw(job) == before


def test_which_jobs_are_to_be_cancelled(database):
    whole, in_part, other = jobs = [get(accepted_job()) for _ in range(3)]
    job_actions.cancel(whole)
    assert job_actions.cancel_part(in_part, job_actions.Part(["R3", "R2"]))
    assert job_actions.cancel_part(in_part, job_actions.Part(None, ["i"]))
    parts = [{"regions": ["R2", "R3"], "resources": None}, {"regions": None, "resources": ["i"]}]
    assert [job_actions.cancellation(job) for job in jobs] == [
        (True, []),
        (False, parts),
        (False, []),
    ]
    db.job_ends.end_job(get(other.id))
    assert db.jobs.delete(PROJECT, other.id)
    assert job_actions.cancellation(other) == (False, [])


def test_a_part_of_an_ended_job_is_not_cancelled(database):
    job = an_ended_job()
    before = raw(job)
    assert not job_actions.cancel_part(job, job_actions.Part(["R2"]))
    assert raw(job) == before


def test_a_cancel_of_a_part_whose_answer_was_lost(database):
    job = get(accepted_job())
    with lost_answer():
        assert job_actions.cancel_part(job, job_actions.Part(["R2"]))
    assert len(get(job.id).cancelled_parts) == 1


def test_the_images_that_a_job_has_items_for(database):
    job = get(planned_job(row("a"), row("b", "R3"), targets=("R2", "R3")))
    assert job_actions.known_resources(job, ["a", "b", "c"]) == {"a", "b"}
    assert job_actions.known_resources(get(accepted_job()), ["i1"]) == set()


def test_a_cancel_whose_answer_was_lost(database):
    job = get(accepted_job())
    with lost_answer():
        assert job_actions.cancel(job)


def test_what_failed_becomes_a_part_of_its_own(database):
    job = an_ended_job()
    assert (job.runs, job.plan_parts) == (1, 1)
    assert job_actions.retry(job, **RETRIER) == len(RETRIED)
    again = get(job.id)
    for column, value in {
        **RETRIER,
        "status": "IN_PROGRESS",
        "credentials": "trust",
        "cancelled": False,
        "runs": 2,
        "attempts": 0,
        "generation": job.generation + 1,
        "engine_id": None,
        "lease_expires": None,
        "plan_rest": {"retry": True},
        "tasks_open": 1,
        "plan_parts": 2,
        "planned_at": job.planned_at,
        "created_at": job.created_at,
    }.items():
        assert getattr(again, column) == value, column
    assert again.updated_at > job.updated_at
    rows = raw(job)[1]
    assert {item.id for item in db.jobs.list_items(again)} == {item.id for item in rows}
    for item in rows:
        if item.resource in RETRIED:
            assert (item.status, item.action, item.part) == ("IN_PROGRESS", "retry", 1)
            assert (item.reason, item.message) == (None, None)
            assert item.attempts == 2
            assert item.updated_at > job.updated_at
        else:
            assert (item.action, item.part, item.attempts) == ("create", 0, 1)
    work = {item.resource: item.work for item in rows}
    assert [name for name in sorted(work) if work[name] is None] == RETRIED
    assert sum(db.jobs.outcome_counts(again)[0].values()) == len(OUTCOMES)


def test_an_engine_claims_it_for_planning(database):
    job = an_ended_job()
    job_actions.retry(job, **RETRIER)
    claim = db.leases.claim_job("e2", LEASE)
    assert (claim.job.id, claim.task) == (job.id, None)
    assert db.leases.claim_task("e2", LEASE) is None


def test_a_cancelled_job_is_not_cancelled_when_it_is_tried_again(database):
    job = get(planned_job())
    job_actions.cancel(job)
    db.job_ends.end_job(job)
    assert job_actions.retry(get(job.id), **RETRIER) == 1
    assert job_actions.cancellation(get(job.id)) == (False, [])


def test_without_a_trust_it_waits_for_the_token(database):
    job = an_ended_job()
    assert job_actions.retry(job, **{**RETRIER, "trust_id": None}) == len(RETRIED)
    again = get(job.id)
    assert (again.credentials, again.trust_id) == ("token", None)
    assert db.leases.claim_job("e2", LEASE) is None
    assert db.leases.claim_job("e2", LEASE, token_jobs={job.id: RETRIER["request_id"]})


@pytest.mark.parametrize("status", ["SUCCESS", "PLANNED", "SKIPPED"])
def test_where_nothing_failed_nothing_is_changed(database, status):
    job = an_ended_job(row("i1", status=status, reason="owner_conflict"))
    before = raw(job)
    assert job_actions.retry(job, **RETRIER) == 0
    assert raw(job) == before


def test_a_job_that_runs_is_left_alone(database):
    job = get(planned_job(*OUTCOMES, row("i9")))
    before = raw(job)
    assert job_actions.retry(job, **RETRIER) == 0
    assert raw(job) == before


def test_a_job_that_could_not_be_planned_is_tried_again(database):
    """Its items are those that the request names."""
    job = get(accepted_job(resources=["i1", "i2"]))
    db.job_ends.end_job(job, "internal_error", "Oh")
    assert job_actions.retry(get(job.id), **RETRIER) == 2


def test_of_two_who_retry_at_the_same_time_one_does(database):
    job = an_ended_job()
    barrier, counts = threading.Barrier(4), []

    def retry(number):
        barrier.wait()
        counts.append(
            job_actions.retry(
                job, **{**RETRIER, "trust_id": f"t{number}", "request_id": f"r{number}"}
            )
        )

    threads = [threading.Thread(target=retry, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, len(RETRIED)]
    assert get(job.id).runs == 2


def test_who_read_an_earlier_run_starts_no_other(database):
    job = an_ended_job()
    job_actions.retry(job, **RETRIER)
    db.job_ends.end_job(get(job.id))
    assert get(job.id).status == "FAILURE"
    assert job_actions.retry(job, **{**RETRIER, "request_id": "req-3"}) == 0
    assert job_actions.retry(get(job.id), **{**RETRIER, "request_id": "req-3"}) == len(RETRIED)
    assert get(job.id).runs == 3


def test_a_retry_whose_answer_was_lost(database):
    job = an_ended_job()
    with lost_answer():
        assert job_actions.retry(job, **RETRIER) == len(RETRIED)
    again = get(job.id)
    assert (again.runs, again.plan_parts) == (2, 2)
    assert {item.attempts for item in db.jobs.list_items(again)} == {1, 2}
