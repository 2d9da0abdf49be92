"""Makes the rows that tests of the database begin with."""

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db

#: Milliseconds that a busy machine may take between two statements.
SLACK = 25_000
LEASE = 30.0
PROJECT = "p" * 32


def utcnow():
    """Return now by the clock of this host, which is the databases' too."""
    return datetime.now(UTC).replace(tzinfo=None)


def sync_set(resources, sources=("R1",), targets=("R2",), **options):
    """Return a set of a request as the API stores it."""
    return {
        "resource_type": "image",
        "resources": list(resources),
        "sources": list(sources),
        "preferred": list(sources),
        "targets": list(targets),
        "force": False,
        "all_projects": False,
        "dry_run": False,
        "on_drift": "report",
        "prune": False,
        "same_name": "report",
        "data": "none",
        "members": "create",
        "filters": {},
        **options,
    }


def accepted_job(
    *, trust_id="trust", resources=("i1",), targets=("R2",), project=PROJECT, request=None
):
    """Store a job as the API does, and return its id."""
    job_id = str(uuid.uuid4())
    db.jobs.create(
        job_id=job_id,
        project_id=project,
        user_id="u" * 32,
        request=request or [sync_set(resources, targets=targets)],
        is_admin=False,
        request_id=None,
    )
    assert db.jobs.accept(job_id, trust_id=trust_id)
    return job_id


def row(resource="i1", region="R2", status="IN_PROGRESS", rank=0, **more):
    """Make the columns of an item."""
    return {
        "resource_type": "image",
        "resource": resource,
        "source_region": "R1",
        "target_region": region,
        "target_resource": resource,
        "action": "create",
        "status": status,
        "reason": None,
        "message": None,
        "rank": rank,
        "work": {"record": {"id": resource}, "references": {}},
        **more,
    }


def planned_job(*items, engine="e1", in_sync=(), **options):
    """Store a job with a plan, and return its id."""
    job_id = accepted_job(**options)
    claim = db.leases.claim_job(engine, LEASE, token_jobs={job_id: None})
    assert claim.job.id == job_id
    store_plan(claim, items or [row()], in_sync=in_sync)
    return job_id


def store_plan(claim, *batches, part=0, in_sync=(), cursor=None):
    """Store one part of a plan, and return the number of open tasks."""
    with db.plans.PlanWriter(claim, part) as plan:
        for batch in batches:
            plan.add(batch)
        return plan.finish(dict(in_sync), cursor)


def stored_rule(
    *, rule_id=None, trust_id="rule-trust", project=PROJECT, due=False, sync=None, **columns
):
    """Store a rule without a first run, and return it.

    :param due: whether its full run is due.
    """
    sync = sync or sync_set(["*"], ["R1"], ["*"])
    rule, _ = db.rules.create(
        **{
            "rule_id": rule_id or str(uuid.uuid4()),
            "request_id": None,
            "project_id": project,
            "user_id": "u" * 32,
            "name": str(uuid.uuid4()),
            "description": "",
            "enabled": False,
            "interval": 3600,
            "is_admin": False,
            "all_projects": sync["all_projects"],
            "trust_id": trust_id,
            "sync_set": sync,
            **columns,
        }
    )
    if due:
        make_due(rule)
    return rule_row(rule)


def make_due(rule):
    """Let a rule be enabled and its full run be due."""
    with db.get_engine().begin() as bind:
        bind.execute(
            sa.update(db.Rule).where(db.Rule.id == rule.id).values(enabled=True, next_run=1)
        )


def rule_row(rule):
    """Return a rule as it is stored now."""
    return db.rules.get(rule.project_id, rule.id, with_all_projects=True)


def expire():
    """Let all leases run out, as those of engines that were killed."""
    with db.get_engine().begin() as bind:
        for model in (db.Job, db.Task):
            bind.execute(
                sa.update(model).where(model.lease_expires.is_not(None)).values(lease_expires=1)
            )


def outcome(claim):
    """Make the outcome of a task's first open item."""
    (item,) = db.items.open_items(claim, 1)
    return [{"pk": item.pk, "status": "SUCCESS", "reason": "created"}]


def renew(claim: db.Claim, lease: float) -> None:
    """Renew one lease.

    :raises kingbird.exception.LeaseLost: another engine has it.
    """
    if db.leases.renew([claim], lease).lost:
        raise exception.LeaseLost(f"The lease on a part of job {claim.job.id} was lost")
