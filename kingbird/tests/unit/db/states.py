"""Store states as plans and outcomes do."""

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import metadef_states
from kingbird.db.image_states import Findings
from kingbird.db.outcomes import IMAGE_STATE
from kingbird.resource_keys import key_of
from kingbird.stretch import Stretch
from kingbird.tests.unit.db.rows import LEASE, PROJECT, accepted_job, row


def state(image="i1", region="R2", state="missing", **more):
    """Make the columns of a finding."""
    return {
        "image_id": image,
        "region": region,
        "project_id": PROJECT,
        "name": image,
        "source_region": "R1",
        "state": state,
        "reason": state,
        "message": None,
        "differences": {},
        "image_status": None,
        **more,
    }


def namespace(name="a", region="R2", state="missing", **more):
    """Make the columns of a finding about a namespace."""
    return {
        "resource": key_of("metadef", name),
        "region": region,
        "project_id": "admin",
        "name": name,
        "source_region": "R1",
        "state": state,
        "reason": state,
        "message": None,
        "differences": {},
        **more,
    }


def stretch(first="", end="~", **more):
    """Make a stretch that a walk from R1 to R2 has compared."""
    return Stretch(
        **{"sources": ["R1"], "targets": ["R2"], "all_projects": False}
        | more
        | {"first": first, "end": end}
    )


def claimed(**options):
    """Store a job and claim it for planning."""
    job_id = accepted_job(**options)
    claim = db.leases.claim_job("e1", LEASE, token_jobs={job_id: None})
    assert claim.job.id == job_id
    return claim


def find(*rows, stretches=(), claim=None, figures=None):
    """Store what a job finds, and return its claim."""
    claim = claim or claimed()
    with db.plans.PlanWriter(claim) as plan:
        plan.add([], Findings(rows, stretches))
        plan.finish({}, figures=figures)
    return claim


def find_namespaces(*rows, stretches=(), claim=None, figures=None):
    """Store what a job finds of namespaces."""
    with db.plans.PlanWriter(claim or claimed()) as plan:
        plan.add([], metadef_states.Findings(rows, stretches))
        plan.finish({}, figures=figures)


def outcomes_of(task, states):
    """Make the outcomes of a task's open items, each of which is ``created`` and tells a state."""
    items = db.items.open_items(task, len(states))
    return [
        {"pk": item.pk, "status": "SUCCESS", "reason": "created", IMAGE_STATE: found}
        for item, found in zip(items, states, strict=True)
    ]


def written(*states):
    """Write the images of some states in one job, whose outcomes tell these."""
    claim = claimed()
    with db.plans.PlanWriter(claim) as plan:
        plan.hold([row(one["image_id"], one["region"]) for one in states])
        plan.finish({})
    task = db.leases.claim_task("e2", LEASE)
    db.outcomes.end_task(task, outcomes_of(task, states))


def stored():
    """Return the states by image and region."""
    with db.get_engine().connect() as bind:
        rows = bind.execute(sa.select(db.ImageState.__table__)).mappings()
        return {(row["image_id"], row["region"]): row for row in rows}


def words():
    """Return the words of the states by image and region."""
    return {pair: row["state"] for pair, row in stored().items()}


def age(seconds=3600):
    """Let all states be older."""
    old = sa.text("'2026-01-01 00:00:00.000000'")
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.ImageState.__table__).values(since=old, compared_at=old))
