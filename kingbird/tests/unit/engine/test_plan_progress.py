"""How many images planning has listed is stored now and then."""

import threading

from kingbird.db import api as db
from kingbird.engine import plan_progress
from kingbird.engine.plan_progress import PlanProgress
from kingbird.tests.unit.db.rows import LEASE, PROJECT, accepted_job
from kingbird.tests.unit.engine.jobs import active, wildcard_job


def stored(job_id):
    return db.jobs.get(PROJECT, job_id).listed


def test_it_is_stored_every_few_seconds_by_the_thread_that_plans(database, monkeypatch):
    job_id = accepted_job()
    progress = PlanProgress(db.leases.claim_job("e1", LEASE))
    progress.listed["R1"] += 5
    progress.note_if_due()
    assert stored(job_id) is None, "it is not due"
    monkeypatch.setattr(plan_progress, "INTERVAL", 0)
    thread = threading.Thread(target=progress.note_if_due)
    thread.start()
    thread.join()
    assert stored(job_id) is None, "a call to a region does not write"
    progress.note_if_due()
    assert stored(job_id) == {"R1": 5}


def test_the_writes_of_a_plan_carry_it(scene):
    for _ in range(3):
        active(scene)
    job_id = wildcard_job(scene)
    scene.engine()
    assert scene.tidied(job_id) == "SUCCESS"
    assert scene.get(job_id).listed["R1"] == 3
