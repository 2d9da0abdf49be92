"""Emit events that agree with the database, in each way that a job ends."""

from collections import Counter

import pytest
from oslo_context import context

from kingbird import events, exception
from kingbird.db import api as db
from kingbird.engine import worker
from kingbird.engine.completion import end_job
from kingbird.engine.thread_context import set_log_context, with_context
from kingbird.states import STATE_OF
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, planned_job, row
from kingbird.tests.waiting import PATIENCE, wait_for


@pytest.fixture
def emitted():
    emitted = []
    events.subscribe(emitted.append)
    yield emitted
    events.unsubscribe(emitted.append)


def of(emitted, kind):
    return [event for event in emitted if isinstance(event, kind)]


def items(emitted):
    counts = Counter()
    for event in of(emitted, events.ItemsEnded):
        counts[event.region, event.status, event.reason] += event.number
    return counts


def stored(job):
    return Counter(
        (item.target_region, item.status, item.reason) for item in db.jobs.list_items(job)
    )


def test_a_job(scene, emitted):
    job_id = scene.job(scene.image(), scene.image())
    scene.engine()
    assert scene.tidied(job_id) == "SUCCESS"
    (began,) = of(emitted, events.JobStarted)
    (ended,) = of(emitted, events.JobEnded)
    assert began.job.id == ended.job.id == job_id
    assert (ended.state, ended.reason) == ("SUCCESS", None)
    assert (
        items(emitted)
        == stored(scene.get(job_id))
        == {(region, "SUCCESS", "created"): 2 for region in ("R2", "R3")}
    )


def test_outcomes_are_reported_before_the_task_ends(scene, emitted, monkeypatch):
    """Report each batch once, whether it is stored meanwhile or with the end of the task."""
    monkeypatch.setattr(worker, "FLUSH", 1)
    job_id = scene.job(*(scene.image() for _ in range(9)), targets=("R2",))
    scene.engine()
    assert scene.tidied(job_id) == "SUCCESS"
    assert items(emitted) == {("R2", "SUCCESS", "created"): 9}
    assert len(of(emitted, events.JobProgress)) > 1


def test_what_needs_no_work_is_reported_too(scene, emitted):
    image = scene.image()
    for count in (1, 2):
        job_id = scene.job(image, targets=("R2",))
        if count == 1:
            scene.engine()
        assert scene.tidied(job_id) == "SUCCESS"
    assert items(emitted) == {("R2", "SUCCESS", "created"): 1, ("R2", "SUCCESS", "in_sync"): 1}


def test_a_job_without_credentials(scene, emitted):
    job_id = accepted_job(trust_id="gone", resources=(scene.image(),), targets=("R2", "R3"))
    scene.engine()
    assert scene.tidied(job_id) == "FAILURE"
    (ended,) = of(emitted, events.JobEnded)
    assert (ended.state, ended.reason) == ("FAILURE", "forbidden")
    assert items(emitted) == stored(scene.get(job_id))
    assert sum(items(emitted).values()) == 2


def test_a_job_that_has_to_wait_begins_once(scene, emitted):
    """A claim is handed back while Keystone is away."""
    scene.keystone.problem = exception.KeystoneUnavailable("away")
    job_id = scene.job(scene.image(), targets=("R2",))
    scene.engine()
    wait_for(lambda: scene.keystone.calls.count("try") > 3)
    scene.keystone.problem = None
    assert scene.ended(job_id) == "SUCCESS"
    assert len(of(emitted, events.JobStarted)) == 1


def test_each_run_begins(scene, emitted):
    job_id = scene.job("no-such-image", targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    scene.keystone.problem = exception.KeystoneUnavailable("away")
    scene.keystone.calls.clear()
    scene.keystone.trusts.add("second")
    assert db.job_actions.retry(
        scene.get(job_id), user_id="v" * 32, is_admin=False, trust_id="second", request_id="r2"
    )
    wait_for(lambda: scene.keystone.calls.count("try") > 3)
    scene.keystone.problem = None
    assert scene.ended(job_id) == "FAILURE"
    assert [event.job.runs for event in of(emitted, events.JobStarted)] == [1, 2]


class NoAccess:
    def revoke_trust(self, job):
        pass

    def forget(self, job_id):
        pass


def test_a_planned_job_that_is_given_up(database, emitted):
    job_id = planned_job(row("i1", "R2"), row("i2", "R2"), row("i1", "R3"))
    job = db.jobs.get(PROJECT, job_id)
    for _ in range(2):
        end_job(NoAccess(), job, "credentials_lost", "gone")
    assert len(of(emitted, events.JobEnded)) == 1
    status = STATE_OF["credentials_lost"]
    assert items(emitted) == {
        ("R2", status, "credentials_lost"): 2,
        ("R3", status, "credentials_lost"): 1,
    }
    assert items(emitted) == stored(job)


def test_work_that_is_taken_over(scene, emitted):
    job_id = scene.job(scene.image(), targets=("R2",))
    assert db.leases.claim_job("e1", 0.01, token_jobs={job_id: None}) is not None
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert of(emitted, events.LeaseTakenOver) == [events.LeaseTakenOver("job")]


def test_calls_that_are_made_again(scene, emitted):
    engine = scene.engine(start=False)
    error = exception.RegionUnavailable("away", 503)
    error.region = "R2"
    calls = iter([error, None])

    def call():
        if problem := next(calls):
            raise problem

    scene.conf.set_override("retry_timeout", PATIENCE, group="sync")
    engine._dispatcher.worker.retry(call)
    assert of(emitted, events.RegionCallRetried) == [events.RegionCallRetried("R2")]


def test_threads_know_what_they_work_on(database):
    job = db.jobs.get(PROJECT, planned_job())
    before = context.get_current()
    try:
        set_log_context(job)
        function = with_context(lambda: context.get_current().resource_uuid)
        set_log_context(db.jobs.get(PROJECT, accepted_job()))
        assert function() == job.id
    finally:
        if before is not None:
            before.update_store()
