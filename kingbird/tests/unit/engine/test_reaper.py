"""The reaper ends what nobody works on, and deletes trusts that were left."""

import time

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine import credentials
from kingbird.engine.credentials import JobCredentials, UserToken
from kingbird.engine.reaper import ORPHANED_FOR, Reaper
from kingbird.tests.unit.db.rows import LEASE, PROJECT, planned_job
from kingbird.tests.unit.engine.scene import FakeRegions


class Clock:
    """A clock by which a round of the reaper is long after the one before."""

    def __init__(self):
        self.now = 0.0
        self.step = ORPHANED_FOR

    def __call__(self):
        self.now += self.step
        return self.now


@pytest.fixture(autouse=True)
def clock(scene):
    scene.clock = Clock()
    return scene.clock


def reaper(scene, engine="me", tokens=()):
    held = JobCredentials(scene.keystone, FakeRegions(scene.glances))
    for job_id in tokens:
        held.add_token(job_id, UserToken("secret", {}))
    return Reaper(scene.conf, engine, scene.keystone, held, scene.clock)


def test_a_job_with_a_users_token_whose_engine_is_gone_fails(scene):
    planned = planned_job(trust_id=None, engine="gone")
    claimed = scene.job("i1", trust_id=None)
    assert db.leases.claim_job("gone", LEASE, token_jobs={claimed: None})
    reaping = reaper(scene)
    reaping.run()
    assert scene.get(planned).status == "IN_PROGRESS", "none is judged in the first round"
    reaping.run()
    for job_id in (planned, claimed):
        assert scene.get(job_id).status == "FAILURE"
        assert {item.reason for item in scene.items(job_id)} == {"credentials_lost"}


def test_a_job_whose_engine_is_gone_can_still_be_cancelled(scene):
    planned = planned_job(trust_id=None, engine="gone")
    claimed = scene.job("i1", trust_id=None)
    assert db.leases.claim_job("gone", LEASE, token_jobs={claimed: None})
    for job_id in (planned, claimed):
        assert db.job_actions.cancel(scene.get(job_id))
    reaping = reaper(scene)
    reaping.run()
    reaping.run()
    for job_id in (planned, claimed):
        assert scene.get(job_id).status == "CANCELLED"
        found = {(item.status, item.reason) for item in scene.items(job_id)}
        assert found == {("CANCELLED", "cancelled")}


def test_a_job_whose_token_this_engine_lost_fails(scene):
    job_id = scene.job("i1", trust_id=None)
    kept = scene.job("i2", trust_id=None)
    for one in (job_id, kept):
        db.leases.adopt("me", {one: None})
    reaper(scene, tokens=[kept]).run()
    assert scene.get(job_id).status == "FAILURE"
    assert {item.reason for item in scene.items(job_id)} == {"credentials_lost"}
    assert scene.get(kept).status == "IN_PROGRESS"


def test_a_job_that_waits_for_the_engine_with_its_token_is_left_alone(scene):
    scene.conf.set_override("token_job_wait", 1, group="sync")
    job_id = scene.job("i1", trust_id=None)
    db.engines.heartbeat("busy", host="h", pid=1, version="1", rpc_version="1.0")
    time.sleep(1.1)
    reaper(scene, engine="busy", tokens=[job_id]).run()
    others = reaper(scene)
    others.run()
    others.run()
    assert scene.get(job_id).status == "IN_PROGRESS"


def test_after_the_database_was_away_no_engine_is_judged_at_once(scene, monkeypatch):
    planned = planned_job(trust_id=None, engine="silent")
    reaping = reaper(scene)
    reaping.run()
    away = exception.Unavailable("Away.")
    with monkeypatch.context() as broken:
        broken.setattr(db.maintenance, "token_jobs_of", lambda engine: raising(away))
        with pytest.raises(exception.Unavailable):
            reaping.run()
    reaping.run()
    assert scene.get(planned).status == "IN_PROGRESS"
    reaping.run()
    assert scene.get(planned).status == "FAILURE"


def raising(error):
    raise error


def test_one_job_that_can_not_be_ended_keeps_no_other_from_it(scene, monkeypatch):
    first, second = (planned_job(trust_id=None, engine="me") for _ in range(2))
    end = db.job_ends.end_job
    monkeypatch.setattr(
        db.job_ends,
        "end_job",
        lambda job, *more: raising(ValueError()) if job.id == first else end(job, *more),
    )
    reaper(scene).run()
    assert scene.get(second).status == "FAILURE"
    assert scene.get(first).status == "IN_PROGRESS"


def test_old_jobs_are_deleted_if_the_operator_wants_it(scene):
    job_id = planned_job()
    db.job_ends.end_job(scene.get(job_id))
    reaper(scene).run()
    assert db.jobs.get(PROJECT, job_id)
    scene.conf.set_override("purge_after_days", 1, group="engine")
    reaper(scene).run()
    assert db.jobs.get(PROJECT, job_id), "it is not old enough"


def test_outcomes_that_no_comparison_needs_are_forgotten(scene):
    with db.get_engine().begin() as bind:
        one = {"image_id": "i1", "region": "R2", "project_id": PROJECT, "told_at": 1}
        bind.execute(sa.insert(db.FreshState.__table__), [one])
    reaper(scene).run()
    with db.get_engine().connect() as bind:
        assert bind.execute(sa.select(db.FreshState.pk)).all() == []


def test_the_trust_of_an_ended_job_is_deleted_later_if_need_be(scene, monkeypatch):
    monkeypatch.setattr(credentials, "KEYSTONE_PAUSE", 0)
    scene.keystone.trusts.add("t1")
    job_id = planned_job(trust_id="t1")
    db.job_ends.end_job(scene.get(job_id))
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


def test_the_trust_of_a_retry_that_is_being_stored_stays(scene, clock):
    job_id = planned_job(trust_id="first")
    scene.keystone.trusts.add("first")
    db.job_ends.end_job(scene.get(job_id))
    scene.keystone.trusts.add("again")
    clock.step = ORPHANED_FOR / 10
    reaping = reaper(scene)
    for _ in range(9):
        reaping.run()
    about = {"user_id": "u", "is_admin": False, "request_id": "r"}
    assert db.job_actions.retry(scene.get(job_id), trust_id="again", **about)
    for _ in range(20):
        reaping.run()
    assert scene.keystone.trusts == {"again"}
    assert scene.get(job_id).trust_id == "again"


def test_a_trust_that_was_in_use_meanwhile_is_orphaned_anew(scene, clock):
    clock.step = ORPHANED_FOR / 2
    scene.keystone.trusts.add("t1")
    reaping = reaper(scene)
    reaping.run()
    job_id = planned_job(trust_id="t1")
    reaping.run()
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).where(db.Job.id == job_id).values(trust_id="t2"))
    for left in ({"t1"}, {"t1"}, set()):
        reaping.run()
        assert scene.keystone.trusts == left


def test_tokens_of_jobs_that_others_ended_are_forgotten(scene):
    held = JobCredentials(scene.keystone, FakeRegions(scene.glances))
    running, ended = planned_job(trust_id=None), planned_job(trust_id=None)
    for job_id in (running, ended, "deleted"):
        held.add_token(job_id, UserToken("secret", {}))
    db.job_ends.end_job(scene.get(ended))
    held.prune()
    assert held.token_jobs == {running: None}


def test_keystone_is_not_waited_for_once_a_job(scene):
    for name in ("t1", "t2", "t3"):
        db.job_ends.end_job(scene.get(planned_job(trust_id=name)))
    scene.keystone.problem = exception.KeystoneUnavailable("Away.")
    reaper(scene).run()
    assert scene.keystone.calls.count("delete") == 1


def warnings(caplog):
    found = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    caplog.clear()
    return found


def test_a_trust_that_keystone_keeps_keeps_no_other(scene, caplog):
    jobs = {name: planned_job(trust_id=name) for name in ("t1", "t2", "t3", "t4")}
    for job_id in jobs.values():
        db.job_ends.end_job(scene.get(job_id))
    scene.keystone.trusts |= set(jobs)
    scene.keystone.kept = {"t1", "t3"}
    reaping = reaper(scene)
    for _ in range(2):
        reaping.run()
        assert scene.keystone.trusts == {"t1", "t3"}
        found = warnings(caplog)
        assert len(found) == 2
        assert all("403" in one for one in found)
        assert [[job in one for one in found].count(True) for job in jobs.values()] == [1, 0, 1, 0]
    scene.keystone.kept = set()
    reaping.run()
    assert scene.keystone.trusts == set()
    assert {scene.get(job_id).trust_id for job_id in jobs.values()} == {None}


def test_a_stray_trust_that_keystone_keeps_keeps_no_other(scene, caplog):
    strays = {f"stray{number}" for number in range(20)}
    scene.keystone.trusts |= strays
    scene.keystone.kept = {"stray3", "stray7"}
    reaping = reaper(scene)
    reaping.run()
    for round_ in (2, 3):
        caplog.clear()
        reaping.run()
        assert scene.keystone.trusts == {"stray3", "stray7"}
        refused = [one for one in warnings(caplog) if "403" in one]
        assert len(refused) == 2, f"round {round_}"
        assert not any("stray3" in one or "stray7" in one for one in refused)
    scene.keystone.kept = set()
    reaping.run()
    assert scene.keystone.trusts == set()


def test_a_round_deletes_a_share_of_many_stray_trusts(scene, monkeypatch):
    """A trust that Keystone keeps takes nothing of a later round's share."""
    monkeypatch.setattr("kingbird.engine.reaper.DELETED_AT_ONCE", 4)
    scene.keystone.trusts |= {f"stray{number}" for number in range(12)}
    scene.keystone.kept = {f"stray{number}" for number in range(4)}
    reaping = reaper(scene)
    reaping.run()
    for deletions in (4, 8, 12):
        reaping.run()
        assert scene.keystone.calls.count("delete") == deletions
    assert scene.keystone.trusts == scene.keystone.kept


def test_stray_trusts_wait_for_keystone(scene):
    scene.keystone.trusts |= {"stray1", "stray2", "stray3"}
    scene.keystone.failing = {"delete"}
    reaping = reaper(scene)
    reaping.run()
    scene.keystone.problem = exception.KeystoneUnavailable("Away.")
    reaping.run()
    assert scene.keystone.calls.count("delete") == 1
    scene.keystone.problem = None
    reaping.run()
    assert scene.keystone.trusts == set()


def test_one_engine_cleans_up_for_all(scene, monkeypatch):
    rounds = []
    monkeypatch.setattr(db.maintenance, "discard_unaccepted", lambda _: rounds.append("clean up"))
    first, second = reaper(scene, "first"), reaper(scene, "second")
    for each in (first, second, first, second):
        each.run()
    assert rounds == ["clean up"] * 2
    # The first one stops.
    db.engines.deregister("first")
    second.run()
    first.run()
    assert rounds == ["clean up"] * 3


def test_every_engine_ends_the_jobs_whose_tokens_it_lost(scene):
    reaper(scene, "another").run()
    job_id = scene.job("i1", trust_id=None)
    db.leases.adopt("me", {job_id: None})
    reaper(scene).run()
    assert scene.get(job_id).status == "FAILURE"
