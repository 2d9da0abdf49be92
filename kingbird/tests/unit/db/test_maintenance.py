"""Find the jobs that the reaper handles, and keep tombstones for a while."""

import uuid

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, planned_job


def ids(jobs):
    return [job.id for job in jobs]


def test_rows_that_were_never_accepted_go(database):
    job_id = str(uuid.uuid4())
    db.jobs.create(
        job_id=job_id,
        project_id=PROJECT,
        user_id="u",
        request=[],
        is_admin=False,
        request_id=None,
    )
    kept = accepted_job()
    db.maintenance.discard_unaccepted(600)
    assert db.jobs.accept(job_id, trust_id="t"), "it is young"
    db.maintenance.discard_unaccepted(-1)
    assert db.jobs.get(PROJECT, kept)


def test_trusts_of_ended_jobs_are_found(database):
    job_id = planned_job(trust_id="t1")
    assert db.maintenance.ended_jobs_with_trust() == []
    job = db.jobs.get(PROJECT, job_id)
    db.job_ends.end_job(job)
    assert ids(db.maintenance.ended_jobs_with_trust()) == [job_id]
    assert db.maintenance.trusts_in_use({"t1", "t2"}) == {"t1"}
    db.job_ends.clear_trust(job)
    assert db.maintenance.ended_jobs_with_trust() == []


def test_jobs_with_a_users_token_end_with_their_engine(database):
    beat = {"host": "h", "pid": 1, "version": "1", "rpc_version": "1.0"}
    db.engines.heartbeat("e1", **beat)
    planned_job(trust_id="t")
    waiting, planned = accepted_job(trust_id=None), planned_job(trust_id=None, engine="e1")
    assert db.maintenance.token_jobs_without_engine(600, 60) == []
    assert ids(db.maintenance.token_jobs_without_engine(-1, 60)) == [waiting]
    db.engines.deregister("e1")
    assert ids(db.maintenance.token_jobs_without_engine(600, 60)) == [planned]
    db.engines.heartbeat("e1", **beat)
    assert ids(db.maintenance.token_jobs_without_engine(600, -1)) == [planned]


def test_tombstones_are_of_a_project_and_a_region_and_expire(database):
    db.tombstones.add("p", "R2", [("a", "id_taken"), ("b", "deleted_in_target")], 60)
    db.tombstones.add("p", "R2", [("a", "deleted_in_target")], 60)
    db.tombstones.add("p", "R3", [("c", "id_taken")], -1)
    db.tombstones.add("p", "R4", [("d", "id_taken")], 0)
    assert db.tombstones.find("p", "R2", ["a", "b", "c"]) == {
        "a": "deleted_in_target",
        "b": "deleted_in_target",
    }
    for project, region, image in (("p", "R3", "c"), ("q", "R2", "a"), ("p", "R4", "d")):
        assert db.tombstones.find(project, region, [image]) == {}
    db.tombstones.purge()
    assert db.tombstones.find("p", "R2", ["a"])
