"""Test the order in which waiting jobs and tasks of several projects are claimed."""

import uuid

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import turns
from kingbird.db.candidates import CANDIDATES
from kingbird.tests.unit.db import reads
from kingbird.tests.unit.db.rows import (
    LEASE,
    accepted_job,
    planned_job,
    row,
    stored_rule,
    sync_set,
)

A, B = "a" * 32, "b" * 32
WHOLE = [sync_set(["*"], ["R1"], [f"R{n}" for n in range(2, 12)])]
#: Rows that a claim may read, each in all tables that it joins, and rows that there are.
FEW, WAITING, ENDED = 10 * CANDIDATES, 2_000, 12_000


@pytest.fixture
def moment(database, monkeypatch):
    """Let all work come at the same moment, however busy the machine is."""
    monkeypatch.setattr(turns, "now_ms", lambda: sa.literal(1_000))
    return database


def jobs_claimed():
    """Claim every job that waits, and return their ids."""
    found = []
    while claim := db.leases.claim_job("e", LEASE):
        found.append(claim.job.id)
    return found


def test_a_project_with_one_job_does_not_wait_for_one_with_many(moment):
    many = [accepted_job(project=A, request=WHOLE) for _ in range(20)]
    one = accepted_job(project=B)
    claimed = jobs_claimed()
    # A cost is estimated as its time, so the first of the other project has a turn as early.
    assert claimed.index(one) <= 1
    assert [job_id for job_id in claimed if job_id != one] == many


def test_the_last_turn_of_a_project_counts_and_not_only_the_cost(moment):
    many = [accepted_job(project=A) for _ in range(10)]
    one = accepted_job(project=B)
    claimed = jobs_claimed()
    assert claimed.index(one) <= 1
    assert [job_id for job_id in claimed if job_id != one] == many


def test_each_task_of_a_job_has_a_turn_of_its_own(moment):
    planned_job(*(row("i1", f"R{n}") for n in range(2, 12)), project=A)
    planned_job(row(), project=B)
    claimed = []
    while claim := db.leases.claim_task("e", LEASE):
        claimed.append(claim.job.project_id)
    assert claimed.index(B) <= 1
    assert len(claimed) == 11


def test_jobs_that_come_one_after_another_begin_with_different_regions(moment):
    regions = ["R2", "R3", "R4"]
    for project in (A, B, "c" * 32):
        planned_job(*(row("i1", region) for region in regions), project=project)
    claims = [db.leases.claim_task("e", LEASE) for _ in range(9)]
    assert sorted(claim.task.region for claim in claims[:3]) == regions
    for job_pk in {claim.job.pk for claim in claims}:
        found = [claim.task.region for claim in claims if claim.job.pk == job_pk]
        begin = regions.index(found[0])
        assert found == [*regions[begin:], *regions[:begin]]


def test_a_job_without_tasks_has_no_order():
    assert turns.in_order((), 7) == []


def test_a_project_with_tasks_waiting_is_planned_after_others(moment):
    planned_job(*(row("i1", f"R{n}") for n in range(2, 12)), project=A)
    later = accepted_job(project=A)
    # It costs more than a plan of one image, and less than the tasks that wait.
    other = accepted_job(project=B, resources=[f"i{n}" for n in range(100)])
    assert jobs_claimed() == [other, later]


def test_a_page_of_work_that_may_not_be_claimed_is_passed_by(moment):
    for _ in range(CANDIDATES + 5):
        accepted_job(project=A)
    with db.get_engine().begin() as bind:
        # All of it comes before the other project's.
        bind.execute(sa.update(db.Job).values(turn=1))
    one = accepted_job(project=B)
    assert db.leases.claim_job("e", LEASE, excluded_projects=[A]).job.id == one


def test_the_tasks_of_a_project_follow_each_other(moment):
    images = [f"i{n}" for n in range(300)]
    regions = [f"R{n}" for n in range(2, 6)]
    for _ in range(3):
        planned_job(*(row(image, region) for image in images for region in regions), project=A)
    planned_job(row(), project=B)
    claimed = []
    while claim := db.leases.claim_task("e", LEASE):
        claimed.append((claim.job.project_id[0], claim.region_task.region))
    assert claimed.index(("b", "R2")) <= 1
    assert len(claimed) == 3 * 4 + 1


def test_projects_take_turns(moment):
    for project in (A, A, A, B, B, B):
        accepted_job(project=project)
    with db.get_engine().begin() as bind:
        # As if all had come at the same moment.
        for project in (A, B):
            rows = sa.select(db.Job.pk).where(db.Job.project_id == project).order_by(db.Job.pk)
            for number, pk in enumerate(bind.scalars(rows).all()):
                bind.execute(sa.update(db.Job).where(db.Job.pk == pk).values(turn=number))
    order = []
    while claim := db.leases.claim_job("e", LEASE):
        order.append(claim.job.project_id[0])
    assert order == ["a", "b"] * 3


def test_nothing_of_a_full_project_is_claimed(moment):
    planned_job(row(), project=A)
    accepted_job(project=A)
    assert db.leases.claim_job("e", LEASE, excluded_projects=[A]) is None
    assert db.leases.claim_task("e", LEASE, excluded_projects=[A]) is None
    assert db.leases.claim_task("e", LEASE, excluded_projects=[B]) is not None


def test_a_cancelled_job_is_taken_before_all_others(moment):
    accepted_job(project=B)
    last = [accepted_job(project=A, request=WHOLE) for _ in range(3)][-1]
    assert db.job_actions.cancel(db.jobs.get(A, last))
    assert db.leases.claim_job("e", LEASE).job.id == last


def test_the_tasks_of_a_cancelled_job_are_taken_before_all_others(moment):
    planned_job(row(), project=B)
    last = [planned_job(row("i1"), row("i2"), project=A) for _ in range(3)][-1]
    assert db.job_actions.cancel(db.jobs.get(A, last))
    assert db.leases.claim_task("e", LEASE).job.id == last


def test_jobs_of_rules_have_turns(database):
    rule = stored_rule(project=A, due=True)
    db.rule_runs.begin_due_run(rule)
    with db.get_engine().connect() as bind:
        now = bind.scalar(sa.select(db.rule_runs.now_ms()))
        turn = bind.scalar(sa.select(db.Job.turn).order_by(db.Job.pk.desc()).limit(1))
    assert 0 < turn - now <= turns.cost_of_plan([rule.sync_set])


def test_a_claim_reads_few_rows_however_many_wait(moment):
    """See that an index gives what waits in its order, whatever else is stored."""
    planned_job(row(), project=A)
    accepted_job(project=A)
    with db.get_engine().begin() as bind:
        jobs = bind.execute(sa.select(db.Job.__table__).order_by("pk")).mappings().all()
        task = bind.execute(sa.select(db.Task.__table__)).mappings().one()
        copies = []
        for number in range(ENDED + WAITING):
            job = {**jobs[number % 2], "id": str(uuid.uuid4())}
            del job["pk"]
            status = "IN_PROGRESS" if number < WAITING else "SUCCESS"
            copies.append({**job, "turn": jobs[0]["turn"] + number, "status": status})
        bind.execute(sa.insert(db.Job), copies)
        pks = bind.scalars(
            sa.select(db.Job.pk).where(db.Job.planned_at.is_not(None)).order_by(db.Job.pk)
        ).all()
        tasks = []
        for pk in pks[1:]:
            copy = {
                **task,
                "job_pk": pk,
                "turn": task["turn"] + pk,
                "done": pk > pks[WAITING // 2],
            }
            del copy["pk"]
            tasks.append(copy)
        bind.execute(sa.insert(db.Task), tasks)
    analyze()
    for claim in (db.leases.claim_job, db.leases.claim_task):
        with reads.counting() as statements:
            assert claim("e", LEASE)
        assert sum(one.rows for one in statements) < FEW, [
            (one.rows, one.text) for one in statements
        ]


def analyze():
    """Let a database look at its tables, as it does by itself after a while."""
    engine = db.get_engine()
    if engine.dialect.name == "sqlite":
        return
    verb = "ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE TABLE"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as bind:
        for table in ("jobs", "tasks"):
            bind.execute(sa.text(f"{verb} {table}"))
