"""The table of transitions and what the database does are the same."""

from unittest import mock

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import item_rows
from kingbird.states import ITEM_TRANSITIONS, JOB_TRANSITIONS, ItemState, JobState
from kingbird.tests.unit.db.rows import LEASE, PROJECT, planned_job, row


def force(model, state):
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(model).values(status=state))


def read(job_id):
    with db.get_engine().connect() as bind:
        return bind.scalar(sa.select(db.Job.status).where(db.Job.id == job_id))


def accept(job, to):
    db.jobs.accept(job.id, trust_id="t")


def end(job, to):
    claim = db.leases.claim_task("e1", LEASE)
    job = claim.job if claim else job
    reason = {JobState.FAILURE: "quota", JobState.CANCELLED: "cancelled"}.get(to)
    if reason:
        db.job_ends.end_job(job, reason)
    elif claim:
        (item,) = db.items.open_items(claim, 2)
        db.outcomes.end_task(claim, [{"pk": item.pk, "status": "SUCCESS", "reason": "created"}])


def retry(job, to):
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Item).values(status="FAILURE"))
    db.job_actions.retry(job, user_id="u", is_admin=False, trust_id="t", request_id="r")


def delete(job, to):
    # The rows of a small job are deleted at once.
    with mock.patch.object(item_rows, "LIMIT", 0):
        db.jobs.delete(PROJECT, job.id)


@pytest.mark.parametrize("before", JobState)
def test_a_job_changes_to_the_states_of_the_table(database, before):
    reached = set()
    for act, to in (
        (accept, JobState.IN_PROGRESS),
        (end, JobState.SUCCESS),
        (end, JobState.FAILURE),
        (end, JobState.CANCELLED),
        (retry, JobState.IN_PROGRESS),
        (delete, JobState.DELETED),
    ):
        job_id = planned_job()
        force(db.Job, before)
        with db.get_engine().begin() as bind:
            job = bind.execute(sa.select(db.Job).where(db.Job.id == job_id)).one()
        act(job, to)
        if read(job_id) != before:
            reached.add(read(job_id))
        force(db.Job, JobState.SUCCESS)
        assert db.jobs.delete(PROJECT, job_id)
    assert reached == JOB_TRANSITIONS[before]


@pytest.mark.parametrize("before", ItemState)
@pytest.mark.parametrize("to", sorted(ITEM_TRANSITIONS[ItemState.IN_PROGRESS]))
def test_an_outcome_is_written_where_the_table_allows_it(database, before, to):
    job_id = planned_job(row(), row("other"))
    claim = db.leases.claim_task("e1", LEASE)
    item, _ = db.items.open_items(claim, 2)
    force(db.Item, before)
    db.outcomes.record(claim, [{"pk": item.pk, "status": to, "reason": "quota"}])
    found = {each.pk: each for each in db.jobs.list_items(db.jobs.get(PROJECT, job_id))}[item.pk]
    allowed = to in ITEM_TRANSITIONS[before]
    assert (found.status, found.reason) == ((to, "quota") if allowed else (before, None))


@pytest.mark.parametrize("reason", ["quota", "cancelled"])
@pytest.mark.parametrize("before", ItemState)
def test_the_end_of_a_job_ends_open_items_only(database, before, reason):
    job_id = planned_job()
    force(db.Item, before)
    db.job_ends.end_job(db.jobs.get(PROJECT, job_id), reason)
    (item,) = db.jobs.list_items(db.jobs.get(PROJECT, job_id))
    assert (item.reason == reason) == (before is ItemState.IN_PROGRESS)
    assert item.status != ItemState.IN_PROGRESS


@pytest.mark.parametrize("before", ItemState)
def test_a_retry_opens_items_by_the_table(database, before):
    job_id = planned_job(row(), row("failed"))
    force(db.Item, before)
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Item).values(reason="deleted_in_target"))
        bind.execute(
            sa.update(db.Item).where(db.Item.resource == "failed").values(status="FAILURE")
        )
    force(db.Job, JobState.FAILURE)
    assert db.job_actions.retry(
        db.jobs.get(PROJECT, job_id), user_id="u", is_admin=False, trust_id="t", request_id="r"
    )
    with db.get_engine().connect() as bind:
        status = bind.scalar(sa.select(db.Item.status).where(db.Item.resource == "i1"))
    assert (status == ItemState.IN_PROGRESS) == (
        before is ItemState.IN_PROGRESS or ItemState.IN_PROGRESS in ITEM_TRANSITIONS[before]
    )
