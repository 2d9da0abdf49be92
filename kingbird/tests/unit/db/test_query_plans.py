"""No query reads a whole table of jobs, tasks or items, however many there are.

SQLite tells no plan that is worth a look, so these tests need ``--databases``.
"""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import pagination
from kingbird.db.job_actions import Part
from kingbird.tests.unit.db.explained import full_scans
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    outcome,
    planned_job,
    row,
    stored_rule,
)

#: Ended jobs with an item each, jobs that wait, and items of the largest job.
ENDED, WAITING, ITEMS = 6_000, 400, 1_000
RETRIER = {"user_id": "u", "is_admin": False, "trust_id": "t", "request_id": "r"}


def copies(model, first, number, **columns):
    """Store rows like the first one, with ids of their own."""
    table = model.__table__
    with db.get_engine().begin() as bind:
        like = dict(bind.execute(sa.select(table).where(table.c.pk == first)).mappings().one())
        del like["pk"]
        rows = [
            {
                **like,
                **({"id": str(uuid.uuid4())} if "id" in like else {}),
                **{name: value(n) for name, value in columns.items()},
            }
            for n in range(number)
        ]
        bind.execute(table.insert(), rows)


@pytest.fixture
def filled(database):
    """Fill the tables, and return the id of the largest job."""
    if db.get_engine().dialect.name == "sqlite":
        pytest.skip("SQLite tells no plan that is worth a look")
    now = datetime.now(UTC).replace(tzinfo=None)
    ended = db.jobs.get(PROJECT, planned_job(row("x"), project=PROJECT))
    db.job_ends.end_job(ended, "quota", "Full")
    moments = {
        "updated_at": lambda n: now - timedelta(minutes=n),
        # The project has a share of the table.
        "project_id": lambda n: f"p{n}" if n % 10 else PROJECT,
        "trust_id": lambda n: None,
    }
    copies(db.Job, ended.pk, ENDED, **moments)
    with db.get_engine().connect() as bind:
        pks = bind.scalars(sa.select(db.Job.pk).where(db.Job.pk > ended.pk)).all()
        item, task = (
            bind.scalar(sa.select(model.pk).where(model.job_pk == ended.pk))
            for model in (db.Item, db.Task)
        )
    for model, first in ((db.Item, item), (db.Task, task)):
        copies(model, first, ENDED, job_pk=lambda n: pks[n])
    large = planned_job(*(row(f"i{n}", f"R{2 + n % 3}") for n in range(30)))
    job = db.jobs.get(PROJECT, large)
    with db.get_engine().connect() as bind:
        item = bind.scalar(sa.select(db.Item.pk).where(db.Item.job_pk == job.pk).limit(1))
    columns = {"resource": lambda n: f"c{n}", "target_region": lambda n: f"R{2 + n % 3}"}
    copies(db.Item, item, ITEMS, **columns)
    waiting = db.jobs.get(PROJECT, accepted_job())
    copies(db.Job, waiting.pk, WAITING, project_id=lambda n: f"w{n}", turn=lambda n: 2**50 + n)
    with db.get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as bind:
        for name in ("jobs", "tasks", "items"):
            analyze = "ANALYZE" if bind.dialect.name == "postgresql" else "ANALYZE TABLE"
            bind.execute(sa.text(f"{analyze} {name}")).close()
    return large


def get(job_id):
    return db.jobs.get(PROJECT, job_id)


def read_all(job_id):
    """Read what answers show."""
    for key in pagination.JOB_KEYS:
        some = db.jobs.list_for_project(PROJECT, with_all_projects=True, limit=20, sort_key=key)
        db.job_details.list_details(
            PROJECT, with_all_projects=True, limit=20, sort_key=key, after=None
        )
        db.job_versions.list_versions(PROJECT, with_all_projects=True, limit=20, sort_key=key)
        db.jobs.list_for_project(PROJECT, limit=20, sort_key=key, after=some[-1])
    db.jobs.list_for_project(PROJECT, limit=20, active=True)
    db.job_details.list_details(None, with_all_projects=True, limit=20)
    job = get(job_id)
    db.job_versions.get(PROJECT, job_id)
    db.jobs.numbers_of(job)
    db.jobs.count_active(PROJECT)
    for key in pagination.ITEM_KEYS:
        db.jobs.list_items(job, limit=20, sort_key=key)
    for narrower in (
        {"resource": "i1"},
        {"target_region": "R2"},
        {"reason": ["quota"]},
        {"changed_since": datetime(2030, 1, 1)},
    ):
        db.jobs.list_items(job, limit=20, **narrower)
    db.job_actions.known_resources(job, ["i1", "i2"])


def work(job_id):
    """Claim, plan, write and end."""
    claim = db.leases.claim_task("e1", LEASE)
    db.items.planned(claim.job, "R2", ["i0", "i3"])
    db.items.open_items(claim, 100)
    db.leases.renew([claim], LEASE)
    db.outcomes.record(claim, outcome(claim))
    while db.outcomes.end_task(claim, reason="quota").has_more:
        pass
    db.job_actions.cancel(get(job_id))
    while claim := db.leases.claim_task("e1", LEASE):
        db.outcomes.end_task(claim, reason="cancelled")
    db.settling.settle_all(db.settling.unsettled())
    assert get(job_id).status == "CANCELLED"
    db.job_actions.retry(get(job_id), **RETRIER, part=Part(["R3"]))
    claim = db.leases.claim_job("e2", LEASE)
    while claim.job.id != job_id:
        claim = db.leases.claim_job("e2", LEASE)
    while db.settling.settle_claimed(claim):
        pass
    db.job_actions.unplanned_items(claim)
    db.items.count_before(claim.job.pk, 1)
    with db.plans.PlanWriter(claim, claim.job.plan_parts - 1) as plan:
        plan.finish({})
    db.job_ends.end_job(get(job_id), "quota")
    db.settling.settle_all(db.settling.unsettled())
    assert db.jobs.delete(PROJECT, job_id)
    db.settling.settle_all(db.settling.unsettled())


def clean_up():
    """Do what the reaper does.

    The purge of old jobs, which is off by default, still reads all that have ended.
    """
    db.maintenance.discard_unaccepted(600)
    list(db.maintenance.ended_jobs_with_trust())
    list(db.maintenance.token_jobs_of("e1"))
    list(db.maintenance.token_jobs_without_engine(300, 60))
    db.maintenance.still_open(["a", "b"])
    db.maintenance.trusts_in_use(["t", "u"])
    db.leases.adopt("e1", {"a": None})
    db.rule_ends.purge_jobs(20)
    db.settling.unsettled()
    db.stats.collect(60)
    db.stats.jobs_with_token()
    db.engines.list_work()
    db.rule_runs.due()


def test_no_statement_reads_a_whole_table(filled):
    stored_rule()
    with full_scans() as found:
        read_all(filled)
        clean_up()
        work(filled)
    assert found == {}
