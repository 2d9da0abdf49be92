"""The reaper ends what nobody works on, and deletes trusts that were left."""

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine.reaper import Reaper
from kingbird.tests.unit.db.rows import LEASE, PROJECT, planned_job
from kingbird.tests.unit.engine.scene import FakeRegions


def reaper(scene):
    from kingbird.engine.access import Access

    access = Access(scene.keystone, FakeRegions(scene.glances))
    return Reaper(scene.conf, scene.keystone, access)


def test_a_job_that_nobody_closed_is_closed_and_its_trust_deleted(scene):
    scene.keystone.trusts.add("t1")
    job_id = planned_job(trust_id="t1")
    claim = db.leases.claim_task("e1", LEASE)
    db.outcomes.fail_task(claim, "quota", "")
    db.outcomes.end_task(claim)
    reaper(scene).run()
    job = scene.get(job_id)
    assert (job.status, job.trust_id, scene.keystone.trusts) == ("FAILURE", None, set())


def test_a_job_with_a_users_token_whose_engine_is_gone_fails(scene):
    planned = planned_job(trust_id=None, engine="gone")
    claimed = scene.job("i1", trust_id=None)
    assert db.leases.claim_job("gone", LEASE, held={claimed})
    reaper(scene).run()
    for job_id in (planned, claimed):
        assert scene.get(job_id).status == "FAILURE"
        assert {item.reason for item in scene.items(job_id)} == {"credentials_lost"}


def test_the_trust_of_an_ended_job_is_deleted_later_if_need_be(scene):
    scene.keystone.trusts.add("t1")
    job_id = planned_job(trust_id="t1")
    db.outcomes.close_job(scene.get(job_id).pk)
    scene.keystone.problem = exception.KeystoneUnavailable("Away.")
    reaping = reaper(scene)
    reaping.run()
    assert scene.get(job_id).trust_id == "t1"
    scene.keystone.problem = None
    reaping.run()
    assert (scene.get(job_id).trust_id, scene.keystone.trusts) == (None, set())


def test_a_trust_that_no_job_names_goes_at_the_second_round(scene):
    scene.keystone.trusts |= {"stray", "named"}
    planned_job(trust_id="named")
    reaping = reaper(scene)
    reaping.run()
    assert scene.keystone.trusts == {"stray", "named"}
    reaping.run()
    assert scene.keystone.trusts == {"named"}


def test_a_trust_that_a_job_names_by_then_stays(scene):
    scene.keystone.trusts.add("new")
    reaping = reaper(scene)
    reaping.run()
    job_id = planned_job(trust_id="new")
    reaping.run()
    assert scene.keystone.trusts == {"new"}
    assert db.jobs.get(PROJECT, job_id).status == "IN_PROGRESS"


def test_tokens_of_jobs_that_others_ended_are_forgotten(scene):
    from kingbird.engine.access import Access, UserToken

    access = Access(scene.keystone, FakeRegions(scene.glances))
    running, ended = planned_job(trust_id=None), planned_job(trust_id=None)
    for job_id in (running, ended, "deleted"):
        access.hand_over(job_id, UserToken("secret", {}))
    db.outcomes.close_job(scene.get(ended).pk)
    access.forget_ended()
    assert access.held == {running}
