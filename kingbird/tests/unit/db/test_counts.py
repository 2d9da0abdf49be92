"""The numbers of a job's items are those that a count finds, whatever has happened to the job."""

from collections import Counter

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from kingbird.db import api as db
from kingbird.db import counts
from kingbird.tests.unit.db.histories import REASONS, REGIONS, History, columns_of, get
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    expire,
    planned_job,
    row,
)

#: Steps of a history.
STEPS = 25


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
