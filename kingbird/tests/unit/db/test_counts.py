"""The numbers of a job's items are those that a count finds, whatever has happened to the job."""

import contextlib
import random
from collections import Counter

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import counts
from kingbird.db.job_actions import Part
from kingbird.states import STATE_OF
from kingbird.tests.unit.db.lost import lost_answer
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    expire,
    planned_job,
    row,
    sync_set,
)

REGIONS = ("R2", "R3", "R4")
IMAGES = tuple(f"i{number}" for number in range(8))
REASONS = ("created", "drift", "region_unavailable", "deleted_in_target", "cancelled")
#: Steps of a history.
STEPS = 25


def get(job_id):
    return db.jobs.get(PROJECT, job_id)


def counted(job):
    """Count items as a reader would who had nothing else."""
    found = Counter() if job.planned_at is None else items_of(job)
    return db.jobs.sum_up(found, job.in_sync)


def items_of(job):
    """Return the numbers of the items of the stored parts of a job's plan."""
    columns = ("target_region", "status", "reason", "data", "bytes")
    query = sa.select(*(getattr(db.Item, name) for name in columns)).where(
        db.Item.job_pk == job.pk, db.Item.part < job.plan_parts
    )
    found = Counter()
    with db.get_engine().connect() as bind:
        for region, status, reason, data, size in bind.execute(query):
            found[region, status, reason] += 1
            if data is not None:
                found[region, "data", data] += 1
                found[region, "bytes", data] += size
    return Counter({key: number for key, number in found.items() if number})


def listed(job):
    """Return the numbers as the list of details has them."""
    (detail,) = [
        one
        for one in db.job_details.list_details(PROJECT, with_all_projects=True)
        if one.job.id == job.id
    ]
    return db.jobs.sum_up(detail.numbers, detail.job.in_sync)


def kept(job):
    """Return what the rows have, where nothing is left to a count."""
    with db.get_engine().connect() as bind:
        return bind.scalar(sa.select(db.Job.counts).where(db.Job.pk == job.pk))


def columns_of(reason):
    return {"status": STATE_OF[reason], "reason": reason}


class History:
    """A job to which something happens at random."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        request = [sync_set(["*"], ["R1"], REGIONS, data="import")]
        self.job_id = accepted_job(request=request)

    def either(self, share=0.3):
        return self.chance.random() < share

    def unheard(self):
        """Lose the answer to a commit, or not."""
        return lost_answer() if self.either() else contextlib.nullcontext()

    def rows(self, pairs):
        return [self.row(*pair) for pair in pairs]

    def row(self, image, region):
        size = self.chance.randrange(3)
        if not self.either(0.7):
            about = {**columns_of(self.reason()), "data": self.chance.choice((None, "none"))}
            return row(image, region, work=None, action="none", bytes=size, **about)
        if self.either():
            # The record is in order, and its data are to be imported.
            about = {"reason": "in_sync", "data_since": 0, "action": "import"}
            return row(image, region, data="pending", bytes=size, **about)
        return row(image, region, data=self.chance.choice((None, "pending")), bytes=size)

    def reason(self):
        return self.chance.choice(REASONS)

    def some_pairs(self):
        number = self.chance.randrange(1, 6)
        return [(self.chance.choice(IMAGES), self.chance.choice(REGIONS)) for _ in range(number)]

    def plan(self):
        claim = db.leases.claim_job("e1", LEASE)
        if claim is None:
            return
        is_retry = claim.job.plan_rest == db.retried_items.RETRY_REST
        if is_retry and not self.settle_before(claim):
            return
        part = claim.job.plan_parts - is_retry
        with db.plans.PlanWriter(claim, part) as plan:
            batches = [self.some_pairs() for _ in range(self.chance.randrange(3))]
            cursor = {"known_to": {"R4": "b"}, "unsorted": []} if self.either() else None
            if is_retry:
                pairs = [one for one in db.job_actions.unplanned_items(claim) if one[0] != "*"]
                cursor = db.retried_items.RETRY_REST if self.either() else None
                # Others wait for their regions.
                batches.append(self.chance.sample(pairs, len(pairs) // 2) if cursor else pairs)
            for pairs in batches:
                with self.unheard():
                    plan.add(self.rows(pairs))
            if self.either():
                # The engine dies.
                expire()
                return
            plan.hold(self.rows(self.some_pairs()))
            with self.unheard():
                plan.finish(
                    {"R2": self.chance.randrange(3)},
                    cursor,
                    db.plans.Take(LEASE, 100) if self.either() else None,
                    compared=["R2"] if cursor else None,
                )
        if self.either(0.8):
            expire()

    @staticmethod
    def settle_before(claim):
        """Let the rows follow that a retry begins with, and tell whether all have."""
        while db.settling.settle_claimed(claim):
            pass
        return True

    def work(self):
        claim = db.leases.claim_task("e1", LEASE)
        if claim is None:
            return
        if claim.task.kind == "data":
            done = self.take_turn(claim)
        else:
            items = db.items.open_items(claim, self.chance.randrange(1, 4))
            done = [self.outcome(item) for item in items]
        with self.unheard():
            db.outcomes.record(claim, done)
        if self.either():
            db.outcomes.record(claim, done)
        if self.either(0.6):
            with self.unheard():
                self.end(claim)
        expire()

    def outcome(self, item):
        about = {"pk": item.pk, "message": None, "data": item.data, "data_since": None}
        if item.data == "pending" and self.either(0.6):
            waits = {"status": "IN_PROGRESS", "reason": "created", "data_since": 0}
            return {**about, **waits}
        after = item.data and self.chance.choice(("none", "active"))
        return {**about, **columns_of(self.reason()), "data": after}

    def take_turn(self, claim):
        turn = db.imports.begin_turn(claim, 3)
        with self.unheard():
            db.imports.reserve(claim, turn.waiting, db.imports.Limits(2, 2))
        states = ("active", "failed", "none")
        return [
            {
                "pk": item.pk,
                "message": None,
                **columns_of(self.reason()),
                "data": self.chance.choice(states),
            }
            for item in turn.running
        ]

    @staticmethod
    def end(claim):
        # The second run of a commit that was done finds that the claim is over.
        with contextlib.suppress(exception.LeaseLost):
            db.outcomes.end_task(claim, reason="region_unavailable", message="Away")

    def give_up_planning(self):
        claim = db.leases.claim_job("e1", LEASE)
        if claim is not None:
            with self.unheard():
                self.end(claim)

    def end_job(self):
        if self.either():
            with self.unheard():
                db.job_ends.end_job(get(self.job_id), self.chance.choice(("quota", "cancelled")))

    def retry(self):
        job = get(self.job_id)
        regions = self.chance.sample(REGIONS, 2) if self.either() else None
        resources = self.chance.sample(IMAGES, 5) if self.either() else None
        about = {"user_id": "u", "is_admin": False, "trust_id": "t", "request_id": f"r{job.runs}"}
        with self.unheard() if job.status != "IN_PROGRESS" else contextlib.nullcontext():
            db.job_actions.retry(job, **about, part=Part(regions, resources))

    def step(self):
        acts = (self.plan, self.plan, self.work, self.work, self.work, self.retry)
        self.chance.choice((*acts, self.give_up_planning, self.end_job))()


def bystanders():
    """Store jobs that no engine of a test works on, and return a function that reads their rows.

    They are planned, accepted and ended.
    """
    planned_job(row("i0"), row("i1", "R3"), trust_id=None)
    accepted_job(trust_id=None)
    db.job_ends.end_job(get(planned_job(row("i0"), row("i1", "R3"))), "quota")
    expire()
    with db.get_engine().connect() as bind:
        jobs = bind.scalars(sa.select(db.Job.pk)).all()

    def read():
        found = {}
        with db.get_engine().connect() as bind:
            for model, key in ((db.Job, "pk"), (db.Task, "job_pk"), (db.Item, "job_pk")):
                query = sa.select(model.__table__).where(getattr(model, key).in_(jobs))
                found[model.__tablename__] = bind.execute(query.order_by(model.pk)).all()
        return found

    return read


@pytest.mark.parametrize("seed", range(8))
def test_they_are_exact_after_any_history(database, seed):
    others = bystanders()
    before = others()
    history = History(seed)
    ends = 0
    for _ in range(STEPS):
        history.step()
        assert others() == before, "other jobs stay as they are"
        job = get(history.job_id)
        assert db.jobs.numbers_of(job) == listed(job) == counted(job)
        if job.status == "IN_PROGRESS":
            continue
        ends += 1
        statuses = set(counted(job)[0])
        assert job.status == next(
            (each for each in ("CANCELLED", "FAILURE") if each in statuses), "SUCCESS"
        )
        assert {(one[0], one[1], one[2]): one[3] for one in kept(job)} == items_of(job)
    assert ends or job.planned_at, "something has happened"


def test_a_row_that_the_database_refuses_counts_as_the_failure_that_it_becomes(database):
    huge = {"text": "x" * (db.Item.__table__.c.work.type.limit + 1)}
    job_id = planned_job(row("a"), row("b", work=huge))
    assert db.jobs.numbers_of(get(job_id)) == counted(get(job_id))
    assert db.jobs.numbers_of(get(job_id)).outcomes == {"internal_error": 1}


@pytest.mark.parametrize("has_ended", [True, False])
def test_what_an_engine_of_an_earlier_release_did_is_counted(database, has_ended):
    """It has planned the job, or worked on it, and kept no numbers."""
    job_id = planned_job(row("a"), row("b", "R3"), in_sync={"R2": 3})
    values = {"status": "SUCCESS", "reason": "created"}
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Item).values(**values))
        if has_ended:
            bind.execute(sa.update(db.Job).values(status="SUCCESS"))
        else:
            bind.execute(sa.update(db.Job).values(counts=sa.null()))
    job = get(job_id)
    assert db.jobs.numbers_of(job) == listed(job) == counted(job)
    assert db.jobs.numbers_of(job).statuses == {"SUCCESS": 5}


@pytest.mark.parametrize("reason", ["created", "quota"])
def test_an_end_after_an_engine_of_an_earlier_release_is_right(database, reason):
    job_id = planned_job(row("a"), row("b", "R3"))
    with db.get_engine().begin() as bind:
        bind.execute(
            sa.update(db.Item).where(db.Item.resource == "a").values(**columns_of(reason))
        )
    for _ in range(2):
        claim = db.leases.claim_task("e1", LEASE)
        done = [{"pk": item.pk, **columns_of("created")} for item in db.items.open_items(claim, 9)]
        db.outcomes.end_task(claim, done)
    assert get(job_id).status == ("SUCCESS" if reason == "created" else "FAILURE")
    assert db.jobs.numbers_of(get(job_id)) == counted(get(job_id))
    assert {tuple(one[:3]): one[3] for one in kept(get(job_id))} == items_of(get(job_id))


def test_engines_that_write_at_once_wait_for_no_row_of_the_others(database):
    """Each task has numbers of its own; the job's row stays as it was."""
    planned_job(row("a", "R2"), row("b", "R2"), row("a", "R3"), row("b", "R3"))
    claims = [db.leases.claim_task(f"e{number}", LEASE) for number in range(2)]
    written = []

    def note(conn, cursor, statement, parameters, context, executemany):
        words = statement.replace('"', " ").split()
        if words[0] == "UPDATE":
            written.append(words[1])

    sa.event.listen(db.get_engine(), "before_cursor_execute", note)
    for claim in claims:
        item, _ = db.items.open_items(claim, 2)
        db.outcomes.record(claim, [{"pk": item.pk, **columns_of("created")}])
    sa.event.remove(db.get_engine(), "before_cursor_execute", note)
    assert written == 2 * ["tasks", "items", "tasks"]


def test_a_list_of_details_takes_two_queries(database):
    for number in range(5):
        planned_job(row(f"i{number}"))
    statements = []

    def note(conn, cursor, statement, parameters, context, executemany):
        if statement.startswith("SELECT"):
            statements.append(statement)

    sa.event.listen(db.get_engine(), "before_cursor_execute", note)
    found = db.job_details.list_details(PROJECT, with_all_projects=False)
    sa.event.remove(db.get_engine(), "before_cursor_execute", note)
    assert len(found) == 5
    assert len([each for each in statements if "FROM" in each]) == 2


# Sums of numbers.


A, B = ("R2", "SUCCESS", "created"), ("R3", "IN_PROGRESS", None)
WITH_DATA = {A: 2, B: 1, ("R2", "data", "pending"): 2, ("R2", "bytes", "pending"): 7}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (counts.of(*A), {A: 1}),
        (counts.of(*A, None, 7), {A: 1}),
        (
            counts.of(*A, "pending", 7, 2),
            {A: 2, ("R2", "data", "pending"): 2, ("R2", "bytes", "pending"): 7},
        ),
        (
            counts.of(*A, "none"),
            {A: 1, ("R2", "data", "none"): 1, ("R2", "bytes", "none"): 0},
        ),
        (
            counts.change_of_data("R2", "pending", "importing", 7),
            {
                ("R2", "data", "pending"): -1,
                ("R2", "data", "importing"): 1,
                ("R2", "bytes", "pending"): -7,
                ("R2", "bytes", "importing"): 7,
            },
        ),
        (counts.of_items(Counter(WITH_DATA)), {A: 2, B: 1}),
        (
            counts.open_ones(Counter(WITH_DATA)),
            {key: number for key, number in WITH_DATA.items() if key != A},
        ),
        (counts.add(Counter({A: 2, B: 1}), Counter({A: 1, B: -1})), {A: 3}),
        (counts.add(), {}),
        (
            counts.gained(Counter({**WITH_DATA, ("R4", "FAILURE", "quota"): -1})),
            {"R2": 2, "R3": 1},
        ),
        # Items get another state, and some data too.
        (
            counts.moved(Counter(WITH_DATA), "FAILURE", "quota", counts.DATA_AT_END),
            {
                A: -2,
                B: -1,
                ("R2", "FAILURE", "quota"): 2,
                ("R3", "FAILURE", "quota"): 1,
                ("R2", "data", "pending"): -2,
                ("R2", "bytes", "pending"): -7,
                ("R2", "data", "none"): 2,
                ("R2", "bytes", "none"): 7,
            },
        ),
        (
            counts.moved(Counter(WITH_DATA), "IN_PROGRESS", None, counts.NO_DATA_YET),
            {
                A: -2,
                B: 0,
                ("R2", "IN_PROGRESS", None): 2,
                ("R2", "data", "pending"): -2,
                ("R2", "bytes", "pending"): -7,
            },
        ),
        (
            counts.moved(Counter({("R2", "data", "active"): 2}), "FAILURE", "quota", {}),
            {("R2", "data", "active"): 0},
        ),
    ],
)
def test_sums(found, expected):
    assert dict(found) == expected


def test_numbers_of_data():
    numbers = Counter(WITH_DATA) + counts.of("R3", "FAILURE", None, "none", 5, 3)
    numbers["R4", "data", "active"] = 0
    assert counts.of_data(numbers) == {"R2": {"pending": (2, 7)}, "R3": {"none": (3, 5)}}


@pytest.mark.parametrize(
    ("numbers", "are_final"),
    [({}, True), ({A: 1}, True), ({A: 1, B: 1}, False), ({A: 0}, False), ({A: -1}, False)],
)
def test_numbers_that_are_final(numbers, are_final):
    assert counts.are_final(Counter(numbers)) == are_final


NUMBERS = st.dictionaries(
    st.tuples(
        st.sampled_from(REGIONS),
        st.sampled_from(("SUCCESS", "IN_PROGRESS", "data", "bytes")),
        st.sampled_from((*REASONS, None)),
    ),
    st.integers(-3, 3),
)


@given(NUMBERS)
def test_numbers_that_are_stored_are_read_as_they_were(numbers):
    stored = counts.dump(Counter(numbers))
    assert all(len(one) == 4 and one[3] for one in stored)
    assert counts.load(stored) == {key: number for key, number in numbers.items() if number}
    assert counts.load(None) == {}
