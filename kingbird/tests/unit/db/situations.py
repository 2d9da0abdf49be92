"""Situations of a job for the tests of runs: its start, and events unknown to its holder."""

import uuid
from typing import Any, NamedTuple

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    planned_job,
    row,
    store_plan,
    sync_set,
)


class Held(NamedTuple):
    """Hold a job's row as the engine ``e1`` read it, and perhaps a claim."""

    job: db.Job
    claim: Any = None


def get(job_id: str) -> db.Job:
    job = db.jobs.get(PROJECT, job_id)
    assert job is not None
    return job


def everything() -> list[Any]:
    """Return all rows, to see whether anything was changed."""
    with db.get_engine().connect() as bind:
        return [
            bind.execute(sa.select(model.__table__).order_by(model.pk)).all()
            for model in (db.Job, db.Task, db.Item)
        ]


def retry(job_id: str) -> None:
    request_id = f"req-{get(job_id).runs}"
    about: dict[str, Any] = {"user_id": "u", "is_admin": False, "request_id": request_id}
    assert db.job_actions.retry(get(job_id), trust_id=request_id, **about)


def claim_job(engine: str) -> db.Claim:
    claim = db.leases.claim_job(engine, LEASE)
    assert claim is not None
    return claim


# The start of the table.


def accepted() -> Held:
    return Held(get(accepted_job()))


def unaccepted() -> Held:
    job_id = str(uuid.uuid4())
    about: dict[str, Any] = {"user_id": "u", "is_admin": False, "request_id": None}
    request = [sync_set(["i1"])]
    return Held(db.jobs.create(job_id=job_id, project_id=PROJECT, request=request, **about))


def with_a_token() -> Held:
    """The user's token of a first run has come to the engine."""
    return Held(get(accepted_job(trust_id=None)))


def planning() -> Held:
    job_id = accepted_job()
    claim = claim_job("e1")
    return Held(get(job_id), claim)


def planning_half() -> Held:
    """An earlier claim has stored a batch of the plan, and the plan is not whole."""
    begun = planning().claim
    assert begun is not None
    db.plans.PlanWriter(begun).add([row("half")])
    db.leases.release(begun)
    return Held(get(begun.job.id), claim_job("e1"))


def planning_the_rest() -> Held:
    """A region was late: what R2 has to do was planned, R9 is left."""
    held = planning()
    left = {"known_to": {"R9": "b"}, "unsorted": []}
    store_plan(held.claim, [row()], cursor=left)
    return Held(get(held.job.id), held.claim)


def planning_again() -> Held:
    job_id = ended().job.id
    retry(job_id)
    claim = claim_job("e1")
    return Held(get(job_id), claim)


def working() -> Held:
    job_id = planned_job()
    claim = db.leases.claim_task("e1", LEASE)
    return Held(get(job_id), claim)


def waiting_for_data() -> Held:
    """The records are in order, and the data of one are to be imported."""
    waiting = {"reason": "in_sync", "data": "pending", "data_since": 0}
    job_id = planned_job(row(**waiting))
    records = db.leases.claim_task("e1", LEASE)
    assert records is not None
    db.outcomes.end_task(records)
    return Held(get(job_id), db.leases.claim_task("e1", LEASE))


def ended() -> Held:
    job_id = planned_job()
    db.job_ends.end_job(get(job_id), "region_unavailable", "Away")
    return Held(get(job_id))


# Events in the meantime.


def nothing(held: Held) -> None:
    """Its holder is right."""


def taken_by(engine: str, held: Held) -> None:
    """Let the lease run out, and another one begin."""
    with db.get_engine().begin() as bind:
        for model in (db.Job, db.Task):
            bind.execute(sa.update(model).values(lease_expires=1))
    task = held.claim is not None and held.claim.task is not None
    assert (db.leases.claim_task if task else db.leases.claim_job)(engine, LEASE)


def lost(held: Held) -> None:
    taken_by("e2", held)


def lost_and_regained(held: Held) -> None:
    taken_by("e1", held)


def over(held: Held) -> None:
    db.job_ends.end_job(get(held.job.id), "internal_error", "")


def tried_again(held: Held, engine: str = "e2") -> None:
    """Let another end the run, and its user have it tried again: it is being worked on."""
    over(held)
    retry(held.job.id)
    claim = claim_job(engine)
    pairs = db.job_actions.unplanned_items(claim)
    rows = [row(*pair) for pair in pairs if pair[1] != "R9"]
    assert store_plan(claim, rows, part=claim.job.plan_parts - 1)
    assert db.leases.claim_task(engine, LEASE)


def tried_again_here(held: Held) -> None:
    tried_again(held, "e1")


def replaced(held: Held) -> None:
    """Let its user delete the job and make another one, which has its key on SQLite."""
    over(held)
    assert db.jobs.delete(PROJECT, held.job.id)
    new = get(planned_job(targets=("R2", "R9")))
    assert new.pk == held.job.pk or db.get_engine().dialect.name != "sqlite"


def accepted_since(held: Held) -> None:
    assert db.jobs.accept(held.job.id, trust_id="t")


def over_since(held: Held) -> None:
    accepted_since(held)
    over(held)


def discarded(held: Held) -> None:
    assert db.jobs.discard(held.job.id)


def adopted_by_another(held: Held) -> None:
    db.leases.adopt("e2", {held.job.id: None})


def replaced_and_taken(held: Held) -> None:
    """Let this engine work on the other job's task, which has the key of the old one."""
    replaced(held)
    assert db.leases.claim_task("e1", LEASE)


#: In which the run is still the one that its holder thinks of.
SAME_RUN = (nothing, lost, lost_and_regained)
ALL = (*SAME_RUN, over, tried_again, tried_again_here, replaced, replaced_and_taken)
#: In which a job's row is another run's or another job's.
OF_ENDED_JOBS = (tried_again, tried_again_here, replaced)
#: Nobody has a lease on a job that has ended.
OF_ENDED = (nothing, *OF_ENDED_JOBS)
