"""Jobs whose plans wait for regions that are away, and what they tell of it."""

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.engine import away_regions
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, sync_set
from kingbird.tests.waiting import wait_for

RESET = 0.3
ALL3 = ("R1", "R2", "R3")


def let_plans_wait(scene, monkeypatch):
    """Let plans wait for regions, and look at them often."""
    monkeypatch.setattr(away_regions, "SHORTEST_PAUSE", RESET)
    for name, value in (
        ("region_patience", 1800),
        ("retry_timeout", 0),
        ("breaker_reset_timeout", RESET),
    ):
        scene.conf.set_override(name, value, group="sync")


def leave(scene, *regions):
    """Let regions answer no call until they are healed."""
    for region in regions:
        scene.glances[region].fail("*", unavailable(), times=None)


def make(scene, region="R1", **fields):
    """Make an image with data in a region, and return its id."""
    body = {"name": "one", "disk_format": "raw", "container_format": "bare", **fields}
    image_id = scene.glances[region].images_for(PROJECT).create(body)["id"]
    # A wildcard selects what has data.
    scene.glances[region].upload(image_id, b"data")
    return image_id


def job(scene, *sets):
    """Accept a job with some sets, and return its id."""
    return accepted_job(trust_id=scene.keystone.trusts.make("trust"), request=list(sets))


def everywhere(**more):
    """Return the set of all images, from all regions to all."""
    return sync_set(("*",), sources=ALL3, targets=ALL3, **more)


def numbers(scene, job_id):
    """Return the numbers that an answer about a job tells."""
    return db.jobs.numbers_of(scene.get(job_id))


def waits_for(scene, job_id):
    """Return what an answer about a job tells."""
    return set(numbers(scene, job_id).waits_for)


def listed_as_waiting(scene, job_id):
    """Return what a list of jobs tells."""
    details = db.job_details.list_details(None, with_all_projects=True)
    return next(set(one.waits_for) for one in details if one.job.id == job_id)


def paused(scene, job_id, *regions):
    """Wait until what is left of a job is its plan, and nobody works on it."""
    wait_for(
        lambda: (
            waits_for(scene, job_id) == set(regions)
            and scene.get(job_id).engine_id is None
            and scene.get(job_id).tasks_open == 1
        )
    )


def set_away(seconds):
    """Let all plans have waited for some time."""
    with db.get_engine().begin() as bind:
        for pk, away in bind.execute(sa.select(db.Job.pk, db.Job.away)).all():
            earlier = {region: since - seconds * 1000 for region, since in (away or {}).items()}
            bind.execute(sa.update(db.Job).where(db.Job.pk == pk).values(away=earlier or None))


def reasons(scene, job_id):
    """Return the reasons of a job's items, by image and target region."""
    return {(one.resource, one.target_region): one.reason for one in scene.items(job_id)}


def again(scene, job_id):
    """Retry a job that has ended."""
    trust = scene.keystone.trusts.make("again")
    about = {"user_id": "u", "is_admin": False, "request_id": "r"}
    assert db.job_actions.retry(scene.get(job_id), trust_id=trust, **about)


def end_after_heal(scene, job_id, region):
    """Let a region answer again, and wait until a job that waits for it has done everything."""
    scene.glances[region].heal()
    assert scene.ended(job_id) == "SUCCESS"


def waiting(scene, region, *sets):
    """Begin a job whose plan comes to wait for a region that is away, and return its id."""
    leave(scene, region)
    job_id = job(scene, *sets)
    scene.engine()
    paused(scene, job_id, region)
    return job_id
