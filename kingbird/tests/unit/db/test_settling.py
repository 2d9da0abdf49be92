"""The row of a job says at once what its items become, and their rows follow."""

import contextlib
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import item_rows
from kingbird.db.job_actions import Part
from kingbird.tests.unit.db.histories import IMAGES, REGIONS, History, get
from kingbird.tests.unit.db.lost import lost_answer
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    expire,
    planned_job,
    row,
    store_plan,
    sync_set,
)
from kingbird.tests.unit.db.writes import changed_rows

#: The largest number of items of a transaction here, and those of a job.
FEW, MANY = 3, 10
RETRIER = {"user_id": "r" * 32, "is_admin": False, "trust_id": "new", "request_id": "req-2"}
CANCELLED = {"reason": "cancelled", "message": "The user has cancelled it"}


@pytest.fixture
def small(database, monkeypatch):
    """Let transactions have few items."""
    monkeypatch.setattr(item_rows, "LIMIT", FEW)
    return database


def a_job(regions=("R2",), **options):
    items = [row(f"i{number}", region) for region in regions for number in range(MANY)]
    return planned_job(*items, targets=regions, **options)


def statuses(job_id):
    """Count the rows of items by their state."""
    query = sa.select(db.Item.status, sa.func.count()).group_by(db.Item.status)
    query = query.join(db.Job, db.Job.pk == db.Item.job_pk).where(db.Job.id == job_id)
    with db.get_engine().connect() as bind:
        return {row.status: row[1] for row in bind.execute(query)}


def shown(job):
    """Count the items as answers show them."""
    items = [(item.id, db.unsettled.show(job, item)) for item in db.jobs.list_items(job)]
    found = Counter((one.status, one.reason) for _, one in items)
    for (status, reason), _ in found.items():
        alike = [key for key, one in items if (one.status, one.reason) == (status, reason)]
        by = {"status": [status], **({"reason": [reason]} if reason else {})}
        # Those of a reason have ended, or have their records in order.
        listed = [item.id for item in db.jobs.list_items(job, **by)]
        assert alike == (listed if reason else [key for key in listed if key in alike])
    if items:
        changed = {key for key, one in items if one.is_changed}
        at = db.jobs.list_items(job, changed_since=job.updated_at or job.created_at)
        assert changed <= {item.id for item in at}
    return found


def numbers(job):
    return db.jobs.numbers_of(job).statuses


def settle(job_id):
    """Let all rows follow, each batch by another engine as the one before was killed."""
    (pk,) = db.settling.unsettled()
    job = get(job_id)
    before = job and (shown(job), numbers(job)), 0
    while db.settling.settle(pk):
        job = get(job_id)
        assert job is None or (shown(job), numbers(job)) == before[0]
    assert db.settling.unsettled() == []


def test_a_settled_item_is_shown_as_its_row(database):
    columns = {"status": "SUCCESS", "reason": "created", "message": "m", "data": "active"}
    job_id = planned_job(row(target_resource="copy", attempts=3, **columns))
    job = get(job_id)
    (item,) = db.jobs.list_items(job)
    shown_as = db.unsettled.show(job, item)
    assert not shown_as.is_changed
    for name in shown_as._fields[:-1]:
        assert getattr(shown_as, name) == getattr(item, name) is not None


def test_a_cancelled_job_ends_at_once_and_its_items_follow(small):
    job_id = a_job(("R2", "R3"))
    with changed_rows("items") as changed:
        assert db.job_actions.cancel(get(job_id))
        job = get(job_id)
        assert numbers(job) == {"IN_PROGRESS": 2 * MANY}, "who sees them end may delete the job"
        assert shown(job) == {("IN_PROGRESS", None): 2 * MANY}
        endings = [
            db.outcomes.end_task(db.leases.claim_task("e1", LEASE), **CANCELLED) for _ in range(2)
        ]
        job = get(job_id)
        assert numbers(job) == {"CANCELLED": 2 * MANY}
        assert shown(job) == {("CANCELLED", "cancelled"): 2 * MANY}
        assert [ending.state for ending in endings] == [None, "CANCELLED"]
        assert dict(endings[1].items) == {"R2": MANY, "R3": MANY}
        assert statuses(job_id) == {"IN_PROGRESS": 2 * MANY}, "no row has followed"
        settle(job_id)
    assert statuses(job_id) == {"CANCELLED": 2 * MANY}
    assert max(changed) == FEW
    assert get(job_id).ending is None
    assert {item.message for item in db.jobs.list_items(get(job_id))} == {db.job_ends.CANCELLED}


def test_a_reason_finds_items_whose_rows_have_not_followed(small):
    job_id = a_job()
    db.job_actions.cancel(get(job_id))
    db.outcomes.end_task(db.leases.claim_task("e1", LEASE), **CANCELLED)
    job = get(job_id)
    assert len(db.jobs.list_items(job, reason=["cancelled"])) == MANY
    assert db.jobs.list_items(job, reason=["quota"]) == []


def test_items_whose_rows_have_not_followed_are_selected_as_they_are_shown(small):
    job_id = a_job()
    before = get(job_id)
    db.job_actions.cancel(before)
    db.outcomes.end_task(db.leases.claim_task("e1", LEASE), **CANCELLED)
    job = get(job_id)
    assert len(db.jobs.list_items(job, status=["CANCELLED"])) == MANY
    assert db.jobs.list_items(job, status=["IN_PROGRESS"]) == []
    assert db.jobs.list_items(job, status=["IN_PROGRESS"], reason=["cancelled"]) == []
    assert len(db.jobs.list_items(job, changed_since=job.updated_at)) == MANY
    later = job.updated_at + timedelta(microseconds=1)
    assert db.jobs.list_items(job, changed_since=later) == []


def test_items_of_a_retry_are_selected_before_their_rows_have_followed(small):
    job_id = an_ended_job()
    part = Part(None, [f"i{number}" for number in range(5)])
    assert db.job_actions.retry(get(job_id), **RETRIER, part=part)
    job = get(job_id)
    assert len(db.jobs.list_items(job, status=["IN_PROGRESS"])) == 5
    assert len(db.jobs.list_items(job, status=["FAILURE"], reason=["quota"])) == 5
    assert len(db.jobs.list_items(job, reason=["quota"])) == 5
    changed = db.jobs.list_items(job, changed_since=job.updated_at)
    assert {item.resource for item in changed} == set(part.resources)


def test_a_task_ends_in_the_transaction_that_ends_its_last_items(small):
    """A client deletes a job when all its items have ended."""
    planned_job(*(row(f"i{number}") for number in range(FEW)))
    claim = db.leases.claim_task("e1", LEASE)
    with changed_rows("items") as changed:
        ending = db.outcomes.end_task(claim, reason="forbidden", message="No")
    assert (ending.has_more, ending.state) == (False, "FAILURE")
    assert max(changed) == FEW


def test_a_task_that_fails_ends_its_items_under_its_lease(small):
    job_id = a_job()
    failure = {"reason": "forbidden", "message": "No"}
    with changed_rows("items") as changed:
        for number in range(1, MANY // FEW + 1):
            # Each batch is done by another engine, as the one before was killed.
            claim = db.leases.claim_task(f"e{number}", LEASE)
            ending = db.outcomes.end_task(claim, **failure)
            assert (ending.has_more, ending.state) == (True, None)
            assert dict(ending.items) == {"R2": FEW}
            assert numbers(get(job_id)) == {
                "FAILURE": number * FEW,
                "IN_PROGRESS": MANY - number * FEW,
            }
            expire()
        claim = db.leases.claim_task("last", LEASE)
        assert db.outcomes.end_task(claim, **failure).state == "FAILURE"
    assert statuses(job_id) == {"FAILURE": MANY}
    assert max(changed) == FEW
    assert numbers(get(job_id)) == {"FAILURE": MANY}


def test_who_has_lost_the_lease_ends_no_item(small):
    job_id = a_job()
    lost = db.leases.claim_task("e1", LEASE)
    expire()
    db.leases.claim_task("e2", LEASE)
    with pytest.raises(exception.LeaseLost):
        db.outcomes.end_task(lost, reason="forbidden")
    assert statuses(job_id) == {"IN_PROGRESS": MANY}


def test_a_job_that_was_never_planned_ends_at_once(small):
    """The rows that another engine left of a plan go first."""
    resources = [f"i{number}" for number in range(MANY)]
    job_id = accepted_job(resources=resources, targets=("R2", "R3"))
    first = db.leases.claim_job("e1", LEASE)
    with db.plans.PlanWriter(first) as plan:
        plan.add([row(f"x{number}") for number in range(MANY)])
    expire()
    db.job_actions.cancel(get(job_id))
    with changed_rows("items") as changed:
        claim = db.leases.claim_job("e2", LEASE)
        assert db.outcomes.end_task(claim, **CANCELLED).state == "CANCELLED"
        job = get(job_id)
        assert (job.planned_at, numbers(job)) == (None, {"CANCELLED": 2 * MANY})
        assert db.leases.claim_job("e3", LEASE) is None
        (pk,) = db.settling.unsettled()
        while db.settling.settle(pk):
            assert numbers(get(job_id)) == {"CANCELLED": 2 * MANY}
    assert max(changed) == FEW
    found = {(item.resource, item.target_region) for item in db.jobs.list_items(get(job_id))}
    assert found == {(one, region) for one in resources for region in ("R2", "R3")}
    assert statuses(job_id) == {"CANCELLED": 2 * MANY}


def test_a_plan_that_was_left_is_deleted_in_batches(small):
    job_id = planned_job(row("first"))
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).values(plan_rest={"known_to": {}}))
    claim = db.leases.claim_job("e1", LEASE)
    with db.plans.PlanWriter(claim, 1) as plan:
        plan.add([row(f"x{number}") for number in range(MANY)])
    expire()
    claim = db.leases.claim_job("e2", LEASE)
    with changed_rows("items") as changed, db.plans.PlanWriter(claim, 1):
        pass
    assert (sum(changed), max(changed)) == (MANY, FEW)
    assert statuses(job_id) == {"IN_PROGRESS": 1}


def a_lagging_job():
    """Make a job of two regions, of which one has not been planned, and an engine has died."""
    resources = [f"i{number}" for number in range(MANY)]
    job_id = accepted_job(resources=resources, targets=("R2", "R3"))
    claim = db.leases.claim_job("e1", LEASE)
    store_plan(claim, [row(one) for one in resources], cursor={"known_to": {"R3": ""}})
    with db.plans.PlanWriter(claim, 1) as plan:
        plan.add([row(one, "R3") for one in resources[:5]])
    expire()
    return job_id


@pytest.mark.parametrize("is_claimed", [True, False])
@pytest.mark.parametrize("number", range(7))
def test_what_lags_when_a_job_ends_is_stored_in_batches(small, is_claimed, number):
    """The answer to any of its commits may get lost."""
    job_id = a_lagging_job()
    away = {"reason": "region_unavailable", "message": "Away"}
    claim = db.leases.claim_job("e2", LEASE) if is_claimed else None
    with changed_rows("items") as changed, lost_answer(number):
        if claim:
            assert dict(db.outcomes.end_task(claim, **away).items) == {"R3": MANY}
        else:
            ending = db.job_ends.end_job(get(job_id), *away.values())
            assert dict(ending.items) == {"R2": MANY, "R3": MANY}
            settle(job_id)
    assert max(changed) == FEW
    states = {"FAILURE": MANY, "IN_PROGRESS": MANY} if claim else {"FAILURE": 2 * MANY}
    assert statuses(job_id) == numbers(get(job_id)) == states
    found = db.jobs.list_items(get(job_id), target_region="R3")
    assert {item.resource for item in found} == {f"i{number}" for number in range(MANY)}


def test_an_end_that_an_engine_is_faster_than_ends_nothing(small):
    job_id = a_lagging_job()
    before = get(job_id)
    claim = db.leases.claim_job("e2", LEASE)
    with changed_rows("items") as changed:
        assert db.job_ends.end_job(before, "quota").state is None
    assert max(changed) == 0
    db.outcomes.end_task(claim, reason="quota")
    assert numbers(get(job_id)) == {"FAILURE": MANY, "IN_PROGRESS": MANY}


def an_ended_job():
    job_id = a_job()
    db.job_ends.end_job(get(job_id), "quota", "Full")
    settle(job_id)
    return job_id


def test_a_retry_runs_at_once_and_its_items_follow(small):
    job_id = an_ended_job()
    with changed_rows("items") as changed:
        assert db.job_actions.retry(get(job_id), **RETRIER) == MANY
        assert max(changed) == 0
        job = get(job_id)
        assert job.trust_id == "new"
        assert numbers(job) == {"IN_PROGRESS": MANY}
        assert shown(job) == {("IN_PROGRESS", None): MANY}
        assert statuses(job_id) == {"FAILURE": MANY}
        more = True
        while more:
            expire()
            claim = db.leases.claim_job("e1", LEASE)
            more = db.settling.settle_claimed(claim)
            assert numbers(get(job_id)) == {"IN_PROGRESS": MANY}
            assert shown(get(job_id)) == {("IN_PROGRESS", None): MANY}
    assert max(changed) == FEW
    assert len(db.job_actions.unplanned_items(claim)) == MANY
    assert {item.attempts for item in db.jobs.list_items(get(job_id))} == {2}


def test_a_retry_of_images_is_counted_as_its_rows_follow(small):
    job_id = an_ended_job()
    part = Part(None, [f"i{number}" for number in range(5)])
    assert db.job_actions.retry(get(job_id), **RETRIER, part=part)
    assert shown(get(job_id)) == {("IN_PROGRESS", None): 5, ("FAILURE", "quota"): 5}
    claim = db.leases.claim_job("e1", LEASE)
    while db.settling.settle_claimed(claim):
        pass
    assert numbers(get(job_id)) == {"IN_PROGRESS": 5, "FAILURE": 5}
    assert statuses(job_id) == {"IN_PROGRESS": 5, "FAILURE": 5}


def test_items_that_did_not_fail_are_not_selected_as_those_of_a_retry(small):
    done = [row(f"d{n}", status="SUCCESS", reason="created", work=None) for n in range(2)]
    job_id = planned_job(*(row(f"i{n}") for n in range(MANY)), *done)
    db.job_ends.end_job(get(job_id), "quota", "Full")
    assert db.job_actions.retry(get(job_id), **RETRIER) == MANY
    job = get(job_id)
    assert len(db.jobs.list_items(job, status=["IN_PROGRESS"])) == MANY
    found = db.jobs.list_items(job, status=["SUCCESS"])
    assert {item.resource for item in found} == {"d0", "d1"}
    assert shown(job) == {("IN_PROGRESS", None): MANY, ("SUCCESS", "created"): 2}


def test_a_retry_of_images_that_did_not_fail_is_none(small):
    job_id = an_ended_job()
    assert not db.job_actions.retry(get(job_id), **RETRIER, part=Part(None, ["other"]))
    assert get(job_id).status == "FAILURE"


def test_a_retry_before_the_rows_of_the_end_have_followed(small):
    job_id = a_job()
    db.job_ends.end_job(get(job_id), "quota", "Full")
    assert db.job_actions.retry(get(job_id), **RETRIER) == MANY
    assert shown(get(job_id)) == {("IN_PROGRESS", None): MANY}
    claim = db.leases.claim_job("e1", LEASE)
    while db.settling.settle_claimed(claim):
        assert numbers(get(job_id)) == {"IN_PROGRESS": MANY}
    assert len(db.job_actions.unplanned_items(claim)) == MANY
    assert {item.attempts for item in db.jobs.list_items(get(job_id))} == {2}


def test_a_retry_that_is_cancelled_before_its_rows_have_followed(small):
    job_id = an_ended_job()
    db.job_actions.retry(get(job_id), **RETRIER)
    claim = db.leases.claim_job("e1", LEASE)
    assert db.settling.settle_claimed(claim)
    db.job_actions.cancel(get(job_id))
    assert shown(get(job_id)) == {("IN_PROGRESS", None): MANY}
    assert db.outcomes.end_task(claim, **CANCELLED).state == "CANCELLED"
    assert shown(get(job_id)) == {("CANCELLED", "cancelled"): MANY}
    settle(job_id)
    assert statuses(job_id) == {"CANCELLED": MANY}


def test_a_deleted_job_is_gone_at_once(small):
    job_id = an_ended_job()
    other = a_job()
    with changed_rows("items") as changed:
        assert db.jobs.delete(PROJECT, job_id)
        assert get(job_id) is None
        assert [job.id for job in db.jobs.list_for_project(PROJECT)] == [other]
        assert not db.jobs.delete(PROJECT, job_id)
        assert statuses(job_id) == {"FAILURE": MANY}
        (pk,) = db.settling.unsettled()
        while db.settling.settle(pk):
            pass
    assert statuses(job_id) == {}
    assert statuses(other) == {"IN_PROGRESS": MANY}
    assert max(changed) <= FEW
    with db.get_engine().connect() as bind:
        assert bind.scalars(sa.select(db.Job.id)).all() == [other]


def test_the_trust_of_a_deleted_job_is_known(small):
    job_id = an_ended_job()
    db.jobs.delete(PROJECT, job_id)
    assert db.maintenance.still_open([job_id]) == set()
    assert [job.id for job in db.maintenance.ended_jobs_with_trust()] == [job_id]


class LongHistory(History):
    """A job of many transactions to which something happens at random."""

    def __init__(self, seed):
        super().__init__(seed)
        request = [sync_set(IMAGES, ["R1"], REGIONS)]
        with db.get_engine().begin() as bind:
            bind.execute(sa.delete(db.Job))
        self.job_id = accepted_job(request=request)

    def row(self, image, region):
        made = super().row(image, region)
        # Items that wait for data end one by one.
        return made | {"data": None, "action": "create", "data_since": None}

    def settle_before(self, claim):
        while db.settling.settle_claimed(claim):
            if self.either(0.2):
                return False
        return True

    def end(self, claim):
        about = CANCELLED if get(self.job_id).cancelled else {"reason": "region_unavailable"}
        with contextlib.suppress(exception.LeaseLost):
            while db.outcomes.end_task(claim, **about).has_more and self.either(0.8):
                pass

    def settle(self):
        for pk in db.settling.unsettled():
            db.settling.settle(pk)

    def cancel(self):
        if self.either():
            db.job_actions.cancel(get(self.job_id))

    def step(self):
        self.chance.choice((super().step, super().step, self.settle, self.cancel))()


@pytest.mark.parametrize("seed", range(8))
def test_what_is_shown_is_what_the_rows_become(small, seed):
    history = LongHistory(seed)
    for _ in range(40):
        history.step()
        job = get(history.job_id)
        if job.planned_at is None or (job.reopening and not job.reopening["counted"]):
            continue
        seen = Counter()
        for (status, _), number in shown(job).items():
            seen[status] += number
        told = Counter(numbers(job))
        told.subtract({"SUCCESS": sum(job.in_sync.values())})
        assert +told == seen
    for pk in db.settling.unsettled():
        while db.settling.settle(pk):
            pass
    assert job.status == "IN_PROGRESS" or "IN_PROGRESS" not in statuses(job.id)
