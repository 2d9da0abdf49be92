"""Jobs as the API sees them."""

import uuid

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, planned_job, row


def end(job_id, project=PROJECT):
    db.outcomes.close_job(db.jobs.get(project, job_id).pk)


def create(job_id):
    return db.jobs.create(
        job_id=job_id,
        project_id=PROJECT,
        user_id="u",
        request=[],
        is_admin=False,
        request_id=None,
    )


def test_a_job_that_is_being_accepted_is_not_shown_and_not_claimed(database):
    job_id = str(uuid.uuid4())
    create(job_id)
    assert db.jobs.get(PROJECT, job_id) is None
    assert db.jobs.list_for_project(PROJECT) == []
    assert db.leases.claim_job("e", 10) is None
    assert db.jobs.accept(job_id, trust_id="t")
    assert db.jobs.get(PROJECT, job_id).status == "IN_PROGRESS"
    assert not db.jobs.accept(job_id, trust_id="t"), "only once"


def test_a_discarded_job_leaves_nothing(database):
    job_id = str(uuid.uuid4())
    create(job_id)
    db.jobs.discard(job_id)
    assert not db.jobs.accept(job_id, trust_id="t")


def test_a_job_that_was_begun_is_not_discarded(database):
    job_id = accepted_job()
    db.leases.claim_job("e", 10)
    db.jobs.discard(job_id)
    assert db.jobs.get(PROJECT, job_id)


def test_newest_first_and_active_only_on_request(database):
    ids = [accepted_job() for _ in range(3)]
    end(ids[1])
    assert [job.id for job in db.jobs.list_for_project(PROJECT)] == ids[::-1]
    active = db.jobs.list_for_project(PROJECT, active=True)
    assert [job.id for job in active] == [ids[2], ids[0]]


def test_projects_see_their_own_jobs_only(database):
    mine, theirs = accepted_job(), accepted_job(project="q" * 32)
    assert db.jobs.get(PROJECT, theirs) is None
    assert [job.id for job in db.jobs.list_for_project(PROJECT)] == [mine]
    end(theirs, "q" * 32)
    assert not db.jobs.delete(PROJECT, theirs)
    assert db.jobs.get("q" * 32, theirs)


def test_only_an_ended_job_is_deleted_and_with_all_its_rows(database):
    job_id = planned_job(row("i1"), row("i2"))
    job = db.jobs.get(PROJECT, job_id)
    assert not db.jobs.delete(PROJECT, job_id)
    assert len(db.jobs.list_items(job)) == 2
    end(job_id)
    assert db.jobs.delete(PROJECT, job_id)
    assert not db.jobs.delete(PROJECT, job_id)
    assert db.jobs.list_items(job) == []


def test_all_of_unicode_and_long_requests_come_back(database):
    names = ["☃" * 30000, "😀"]
    job_id = accepted_job(resources=names)
    assert db.jobs.get(PROJECT, job_id).request[0]["resources"] == names
