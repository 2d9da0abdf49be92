"""Wildcard jobs, images with data, and the counts of a job."""

import threading
import time

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, sync_set


def counts(scene, job_id):
    statuses, outcomes, _ = db.jobs.outcome_counts(scene.get(job_id))
    return statuses, outcomes


def retry(scene, job_id, trust_id="again"):
    trust_id = scene.keystone.trusts.make(trust_id)
    job = scene.get(job_id)
    return db.job_actions.retry(
        job, user_id="who", is_admin=False, trust_id=trust_id, request_id=None
    )


def wildcard_job(scene, *sets, trust_id="trust"):
    """Create a wildcard job.

    :param sets: the fields of each set that differ from any-to-any.
    """
    trust_id = scene.keystone.trusts.make(trust_id)
    regions = ["R1", "R2", "R3"]
    any_to_any = sync_set(["*"], regions, regions, preferred=[])
    request = [{**any_to_any, **each} for each in sets or ({},)]
    return accepted_job(trust_id=trust_id, request=request)


def active(scene, region="R1", **fields):
    body = {"disk_format": "raw", "container_format": "bare", "visibility": "private", **fields}
    image_id = scene.glances[region].images_for(PROJECT).create(body)["id"]
    scene.glances[region].upload(image_id, b"data")
    return image_id


def slow_creates(scene, seconds=0.05):
    begun = threading.Event()

    def wait(detail):
        begun.set()
        time.sleep(seconds)

    for region in ("R2", "R3"):
        scene.glances[region].fail("create", wait, times=None)
    return begun
