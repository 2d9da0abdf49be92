"""Find the jobs that the reaper handles, and keep tombstones for a while."""

import tracemalloc
import uuid

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import connection, maintenance
from kingbird.db.models import Tombstone
from kingbird.tests.unit.db.reads import counting
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, planned_job, sync_set

#: Names of images whose request takes 200 kB.
MANY = [f"{number:040}" for number in range(5000)]


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
    assert ids(db.maintenance.ended_jobs_with_trust()) == []
    job = db.jobs.get(PROJECT, job_id)
    db.job_ends.end_job(job)
    assert ids(db.maintenance.ended_jobs_with_trust()) == [job_id]
    assert db.maintenance.trusts_in_use({"t1", "t2"}) == {"t1"}
    db.job_ends.clear_trust(job)
    assert ids(db.maintenance.ended_jobs_with_trust()) == []


def test_jobs_with_a_users_token_end_with_their_engine(database):
    beat = {"host": "h", "pid": 1, "version": "1", "rpc_version": "1.0"}
    db.engines.heartbeat("e1", **beat)
    planned_job(trust_id="t")
    waiting, planned = accepted_job(trust_id=None), planned_job(trust_id=None, engine="e1")
    assert ids(db.maintenance.token_jobs_without_engine(600, 60)) == []
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


def of_kind(statements, kind):
    return [one for one in statements if one.text.startswith(kind)]


def job_not_accepted():
    job_id = str(uuid.uuid4())
    columns = {"project_id": PROJECT, "user_id": "u", "is_admin": False, "request_id": None}
    db.jobs.create(job_id=job_id, request=[], **columns)
    return job_id


def test_many_rows_that_were_never_accepted_go_some_at_a_time(database, monkeypatch):
    monkeypatch.setattr(connection, "BATCH", 2)
    jobs = [job_not_accepted() for _ in range(5)]
    with counting() as statements:
        db.maintenance.discard_unaccepted(-1)
    assert len(of_kind(statements, "DELETE")) == 3
    assert not any(db.jobs.accept(job_id, trust_id="t") for job_id in jobs)


def ended_with_trust(number):
    jobs = []
    for count in range(number):
        trust = f"t{count}"
        jobs.append(accepted_job(trust_id=trust, request=[sync_set(MANY)]))
        job = db.jobs.get(PROJECT, jobs[-1])
        with connection.writer() as session:
            where = db.Job.pk == job.pk
            connection.write(session, sa.update(db.Job).where(where).values(status="SUCCESS"))
    return jobs


def test_trusts_are_found_without_the_requests_of_their_jobs(database, monkeypatch):
    """A request names up to ten thousand images."""
    monkeypatch.setattr(maintenance, "LIMIT", 2)
    jobs = ended_with_trust(5)
    with counting() as statements:
        found = [(job.id, job.trust_id) for job in db.maintenance.ended_jobs_with_trust()]
    assert found == [(job_id, f"t{count}") for count, job_id in enumerate(jobs)]
    # Keys two at a time, and each row when its job is looked at.
    assert len(of_kind(statements, "SELECT")) == 3 + 5
    assert not any("jobs.request," in one.text for one in statements)


def test_a_job_that_another_engine_has_handled_is_left_out(database):
    jobs = ended_with_trust(3)
    found = db.maintenance.ended_jobs_with_trust()
    assert next(found).id == jobs[0]
    db.job_ends.clear_trust(db.jobs.get(PROJECT, jobs[1]))
    assert ids(found) == [jobs[2]]


@pytest.mark.parametrize("engine", ["e1", None])
def test_jobs_with_tokens_are_read_one_by_one(database, monkeypatch, engine):
    monkeypatch.setattr(maintenance, "LIMIT", 2)
    jobs = [
        planned_job(trust_id=None, engine=engine, request=[sync_set(MANY)])
        if engine
        else accepted_job(trust_id=None, request=[sync_set(MANY)])
        for _ in range(7)
    ]
    one = db.jobs.get(PROJECT, jobs[0])
    assert len(one.request[0]["resources"]) == len(MANY)

    def find():
        if engine:
            return db.maintenance.token_jobs_of(engine)
        return db.maintenance.token_jobs_without_engine(-1, 60)

    assert ids(find()) == jobs
    tracemalloc.start()
    try:
        assert sum(len(job.request[0]["resources"]) for job in find()) == 7 * len(MANY)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A row takes 700 kB, and half of that while its request is parsed.
    assert most < 2_500_000


def test_many_ids_are_looked_up_some_at_a_time(database, monkeypatch):
    monkeypatch.setattr(connection, "BATCH", 2)
    jobs = [accepted_job(trust_id=f"t{number}") for number in range(5)]
    with counting() as statements:
        assert db.maintenance.still_open([*jobs, "none"]) == set(jobs)
    assert len(of_kind(statements, "SELECT")) == 3
    trusts = [f"t{number}" for number in range(7)]
    with counting() as statements:
        assert db.maintenance.trusts_in_use(trusts) == set(trusts[:5])
    assert len(of_kind(statements, "SELECT")) == 4


def test_many_tombstones_go_some_at_a_time(database, monkeypatch):
    for number in range(5):
        db.tombstones.add("p", f"R{number}", [("a", "id_taken")], -1 - number)
    db.tombstones.add("p", "R", [("a", "id_taken")], 60)
    monkeypatch.setattr(connection, "BATCH", 2)
    with counting() as statements:
        db.tombstones.purge()
    assert len(of_kind(statements, "DELETE")) == 3
    assert connection.scalars(sa.select(Tombstone.region)) == ["R"]
