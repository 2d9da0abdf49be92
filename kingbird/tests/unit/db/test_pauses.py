"""Pauses: who may claim what waits for a region, and when."""

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import LEASE, PROJECT, accepted_job, row, store_plan

REST = {"known_to": {"R9": ""}, "unsorted": []}


def paused(*, trust_id="trust", delay=3600, regions=("R9",), patience=7200):
    """Store a job whose plan waits for regions, and return its id and the seconds."""
    job_id = accepted_job(trust_id=trust_id, targets=("R2", "R9"))
    claim = db.leases.claim_job("e1", LEASE, {job_id: None})
    store_plan(claim, [row()], cursor=REST)
    return job_id, db.pauses.pause_plan(claim, regions, delay, patience)


def get(job_id):
    return db.jobs.get(PROJECT, job_id)


def let_time_pass(seconds):
    with db.get_engine().begin() as bind:
        for pk, away, expires in bind.execute(
            sa.select(db.Job.pk, db.Job.away, db.Job.lease_expires)
        ).all():
            earlier = {region: since - seconds * 1000 for region, since in away.items()}
            values = {"away": earlier, "lease_expires": expires and expires - seconds * 1000}
            bind.execute(sa.update(db.Job).where(db.Job.pk == pk).values(**values))


def test_nobody_claims_a_plan_that_pauses(database):
    job_id, seconds = paused()
    assert seconds == 3600
    assert (get(job_id).engine_id, get(job_id).attempts) == (None, 0)
    assert db.leases.claim_job("e2", LEASE) is None
    assert db.leases.claim_task("e2", LEASE).job.id == job_id, "other regions go on"
    let_time_pass(3601)
    claim = db.leases.claim_job("e2", LEASE)
    assert claim.job.id == job_id
    assert 3601 <= db.pauses.seconds_away(claim.job)["R9"] < 3700


def test_a_region_has_been_away_since_it_was_found_away_first(database):
    job_id, _ = paused()
    let_time_pass(3601)
    claim = db.leases.claim_job("e2", LEASE)
    since = get(job_id).away["R9"]
    assert 3590 < db.pauses.pause_plan(claim, ["R8", "R9"], 9000, 7200) <= 3600
    assert get(job_id).away["R9"] == since
    assert get(job_id).away["R8"] > since + 3600_000
    let_time_pass(3601)
    claim = db.leases.claim_job("e2", LEASE)
    assert db.pauses.pause_plan(claim, ["R9"], 9000, 7200) == 0, "patience has run out"
    assert get(job_id).away.keys() == {"R9"}


def test_the_answers_tell_of_it_until_the_job_ends(database):
    job_id, _ = paused()
    assert db.jobs.numbers_of(get(job_id)).waits_for == {"R9"}
    db.job_ends.end_job(get(job_id), "region_unavailable", "Away")
    assert not db.jobs.numbers_of(get(job_id)).waits_for
    assert get(job_id).away is None


def test_a_cancelled_plan_is_claimed_at_once(database):
    job_id, _ = paused()
    assert db.job_actions.cancel(get(job_id))
    assert db.leases.claim_job("e2", LEASE, cancelled_only=True).job.id == job_id


def test_a_plan_that_was_cancelled_before_it_pauses_does_not(database):
    job_id = accepted_job(targets=("R2", "R9"))
    claim = db.leases.claim_job("e1", LEASE)
    store_plan(claim, [row()], cursor=REST)
    assert db.job_actions.cancel(get(job_id))
    assert db.leases.claim_job("e2", LEASE) is None, "an engine has it"
    db.pauses.pause_plan(claim, ["R9"], 3600, 7200)
    assert db.leases.claim_job("e2", LEASE).job.id == job_id


def test_a_plan_with_a_users_token_stays_with_its_engine(database):
    job_id, _ = paused(trust_id=None)
    assert get(job_id).engine_id == "e1"
    assert db.leases.claim_job("e1", LEASE, {job_id: None}) is None
    assert db.job_actions.cancel(get(job_id))
    assert db.leases.claim_job("e1", LEASE, {job_id: None}).job.id == job_id


def test_the_last_part_of_a_plan_ends_the_waiting(database):
    job_id, _ = paused()
    let_time_pass(3601)
    claim = db.leases.claim_job("e2", LEASE)
    store_plan(claim, [row("i1", "R9")], part=1)
    assert get(job_id).away is None
