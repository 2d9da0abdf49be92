"""An engine that waited while a job was tried again leaves the new run alone."""

import threading
import time

import pytest

from kingbird.db import api as db
from kingbird.engine import completion
from kingbird.engine.credentials import JobCredentials, UserToken
from kingbird.engine.reaper import Reaper
from kingbird.tests.doubles.glance import refused
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    planned_job,
    row,
    store_plan,
)
from kingbird.tests.unit.engine.scene import FakeRegions
from kingbird.tests.waiting import PATIENCE, wait_for


class SlowTrustDeletion:
    """The first deletion of a trust waits, as for a Keystone that hangs; later ones do not."""

    def __init__(self, scene, monkeypatch):
        self.reached, self.go_on, self.over = (threading.Event() for _ in range(3))
        self._delete = scene.keystone.delete_trust
        monkeypatch.setattr(scene.keystone, "delete_trust", self.delete_trust)

    def delete_trust(self, trust_id, auth=None, **about):
        if self.reached.is_set():
            self._delete(trust_id, auth, **about)
            return
        self.reached.set()
        assert self.go_on.wait(PATIENCE)
        self._delete(trust_id, auth, **about)
        self.over.set()


def reaper(scene, engine="me", credentials=None):
    return Reaper(
        scene.conf,
        engine,
        scene.keystone,
        credentials or JobCredentials(scene.keystone, FakeRegions(scene.glances)),
    )


def retry(scene, job_id, trust_id="again", request_id="req-2"):
    if trust_id:
        scene.keystone.trusts.add(trust_id)
    about = {"user_id": "who", "is_admin": False, "request_id": request_id}
    assert db.job_actions.retry(scene.get(job_id), trust_id=trust_id, **about)


def goes_on(scene, job_id, trust_id="again"):
    """Say whether a job is in its second run, with all that it needs."""
    job = scene.get(job_id)
    has_trust = trust_id is None or trust_id in scene.keystone.trusts
    return (job.status, job.runs, job.trust_id, has_trust) == ("IN_PROGRESS", 2, trust_id, True)


def test_an_engine_that_waits_for_keystone_ends_no_later_run(scene, monkeypatch):
    scene.glances["R2"].fail("create", refused(403), times=1)
    keystone = SlowTrustDeletion(scene, monkeypatch)
    job_id = scene.job(scene.image(), targets=("R2",))
    first = scene.engine()
    assert keystone.reached.wait(PATIENCE)
    # The trust or the job's end may be first: another engine may have handled either.
    reaper(scene).run()
    assert scene.get(job_id).status == "FAILURE"
    # The new run is under way, and can't end before the first engine has gone on.
    begun, made = threading.Event(), threading.Event()

    def wait(body):
        begun.set()
        assert made.wait(PATIENCE)

    scene.glances["R2"].fail("create", wait, times=None)
    retry(scene, job_id)
    first.wake()
    assert begun.wait(PATIENCE)
    keystone.go_on.set()
    assert keystone.over.wait(PATIENCE)
    # Its thread is free again only when it has done all that it had to.
    wait_for(lambda: len(first.describe()["works on"]) == 1)
    assert goes_on(scene, job_id)
    made.set()
    assert scene.ended(job_id) == "SUCCESS"
    assert scene.get(job_id).runs == 2
    wait_for(lambda: not scene.keystone.trusts)


@pytest.mark.parametrize("problem", [None, "in_sync", "cancelled"])
def test_a_job_has_ended_while_its_trust_waits_for_keystone(scene, monkeypatch, caplog, problem):
    image = scene.image()
    if problem == "in_sync":
        scene.glances["R2"].images_for(PROJECT).create(
            {"id": image, "name": "one", "disk_format": "raw", "container_format": "bare"}
        )
    keystone = SlowTrustDeletion(scene, monkeypatch)
    job_id = scene.job(image, targets=("R2",))
    if problem == "cancelled":
        assert db.job_actions.cancel(scene.get(job_id))
    one = scene.engine()
    assert keystone.reached.wait(PATIENCE)
    expected = "CANCELLED" if problem == "cancelled" else "SUCCESS"
    assert scene.get(job_id).status == expected
    one._leases.renew()
    assert "taken over" not in caplog.text, "there is no other engine"
    assert db.jobs.delete(PROJECT, job_id), "its user may delete it at once"
    keystone.go_on.set()
    wait_for(lambda: not scene.keystone.trusts)
    wait_for(lambda: not one.describe()["works on"])
    assert "Traceback" not in caplog.text


def ended(scene):
    """Make a job that was ended by an engine that could not delete its trust."""
    scene.keystone.trusts.add("t1")
    job_id = planned_job(trust_id="t1")
    db.job_ends.end_job(scene.get(job_id))
    return job_id


def lost(scene):
    """Make a job whose user's token is gone."""
    return planned_job(trust_id=None, engine="gone")


def waiting(scene):
    """Make a job whose user's token reached no engine."""
    return accepted_job(trust_id=None)


@pytest.mark.parametrize(
    ("make", "name", "about"),
    [
        (ended, "ended_jobs_with_trust", ()),
        (lost, "token_jobs_without_engine", (600, 60)),
        (lost, "token_jobs_of", ("gone",)),
        (waiting, "token_jobs_without_engine", (-1, 60)),
    ],
)
@pytest.mark.parametrize("trust_id", ["again", None])
def test_of_two_reapers_one_ends_a_run_and_none_the_next(
    scene, monkeypatch, make, name, about, trust_id
):
    job_id = make(scene)
    stale = getattr(db.maintenance, name)(*about)
    assert [job.id for job in stale] == [job_id]
    # The first engine ends the job.
    db.job_ends.end_job(scene.get(job_id), "credentials_lost", "")
    assert scene.get(job_id).status == "FAILURE"
    retry(scene, job_id, trust_id)
    access = JobCredentials(scene.keystone, FakeRegions(scene.glances))
    if trust_id is None:
        access.add_token(job_id, UserToken("new", {}, "req-2"))
    db.engines.heartbeat("me", host="h", pid=1, version="1", rpc_version="1.0")
    second = reaper(scene, credentials=access)
    second.run()
    monkeypatch.setattr(db.maintenance, name, lambda *args: stale)
    second.run()
    assert goes_on(scene, job_id, trust_id)
    assert set(access.token_jobs) == ({job_id} if trust_id is None else set())


@pytest.mark.parametrize("claimed", [False, True])
def test_a_job_that_an_engine_takes_at_the_last_moment_is_not_given_up(
    scene, monkeypatch, claimed
):
    job_id = waiting(scene)
    stale = list(db.maintenance.token_jobs_without_engine(-1, 60))
    db.leases.adopt("slow", {job_id: None})
    if claimed:
        assert db.leases.claim_job("slow", LEASE, token_jobs={job_id: None})
    monkeypatch.setattr(db.maintenance, "token_jobs_without_engine", lambda *args: stale)
    second = reaper(scene)
    second.run()
    second.run()
    assert scene.get(job_id).status == "IN_PROGRESS"


def test_the_items_of_a_task_that_is_given_up_say_why(scene):
    job_id = scene.job("i1", "i2")
    store_plan(db.leases.claim_job("me", LEASE), [row("i1"), row("i2")])
    one = scene.engine(start=False)
    with one._leases.hold(db.leases.claim_task("me", LEASE), time.monotonic()) as held:
        one._dispatcher._fail_claim(held, "forbidden", "No token.")
    assert scene.ended(job_id) == "FAILURE"
    found = {(item.reason, item.message) for item in scene.items(job_id)}
    assert found == {("forbidden", "No token.")}


def test_an_engine_that_lost_a_job_while_it_gave_it_up_leaves_its_trust(scene, monkeypatch):
    """Another engine works with it."""
    job_id = scene.job("i1")
    claim = db.leases.claim_job("me", LEASE)
    one = scene.engine(start=False)
    end_task = db.outcomes.end_task

    def late(claim, *args, **kwargs):
        db.leases.release(claim)
        assert db.leases.claim_job("other", LEASE)
        return end_task(claim, *args, **kwargs)

    monkeypatch.setattr(db.outcomes, "end_task", late)
    with one._leases.hold(claim, time.monotonic()) as held:
        one._dispatcher._fail_claim(held, "forbidden", "No token.")
    job = scene.get(job_id)
    assert (job.status, job.trust_id, job.engine_id) == ("IN_PROGRESS", "trust", "other")
    assert scene.keystone.trusts == {"trust"}


def test_what_regions_that_lag_have_left_is_stored_once_under_the_lease(scene, monkeypatch):
    """It may take long, so the lease is renewed meanwhile."""
    scene.job("i1")
    claim = db.leases.claim_job("me", LEASE)
    one, renewed = scene.engine(start=False), []
    store_rest = db.unplanned.store_rest

    def store(*args):
        renewed.append(held.is_renewed)
        return store_rest(*args)

    monkeypatch.setattr(db.unplanned, "store_rest", store)
    access = JobCredentials(scene.keystone, FakeRegions(scene.glances))
    with one._leases.hold(claim, time.monotonic()) as held:
        completion.end_task(access, held, reason="forbidden", message="No token.")
        assert not held.is_renewed
    assert renewed == [True]


@pytest.mark.parametrize("credentials", ["token", "trust"])
def test_what_a_later_run_brought_is_not_forgotten(scene, credentials):
    access = JobCredentials(scene.keystone, FakeRegions(scene.glances))
    job_id = planned_job(trust_id=None)
    old = scene.get(job_id)
    access.add_token(job_id, UserToken("old", {"R1": "http://R1"}))
    assert access.open_regions(old)
    db.job_ends.end_job(old, "quota", "")
    if credentials == "token":
        retry(scene, job_id, None)
        access.add_token(job_id, UserToken("new", {"R1": "http://R1"}, "req-2"))
    else:
        retry(scene, job_id, "again")
    new = scene.get(job_id)
    assert access.open_regions(new)
    access.forget(old)
    kept = {"token": ("new", {job_id: "req-2"}), "trust": ("again", {})}[credentials]
    assert (access._auths[job_id][0], access.token_jobs) == kept
    access.forget(new)
    assert (access._auths, access.token_jobs) == ({}, {})


def test_a_token_that_comes_while_ended_jobs_are_looked_for_stays(scene, monkeypatch):
    access = JobCredentials(scene.keystone, FakeRegions(scene.glances))
    job_id = planned_job(trust_id=None)
    db.job_ends.end_job(scene.get(job_id), "quota", "")
    access.add_token(job_id, UserToken("old", {}))
    still_open = db.maintenance.still_open

    def late(known):
        found = still_open(known)
        retry(scene, job_id, None)
        access.add_token(job_id, UserToken("new", {}, "req-2"))
        return found

    monkeypatch.setattr(db.maintenance, "still_open", late)
    access.prune()
    assert access.token_jobs == {job_id: "req-2"}
