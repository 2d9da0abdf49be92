"""A comparison knows less of an image than a job that has written it since."""

import os
import threading
import time

import pytest
import sqlalchemy as sa

from kingbird.concurrency import ENVIRONMENT
from kingbird.db import api as db
from kingbird.db import connection
from kingbird.db.clock import now_ms
from kingbird.db.image_states import Findings
from kingbird.tests.unit.db.rows import LEASE, expire
from kingbird.tests.unit.db.states import claimed, find, state, stretch, words, written
from kingbird.tests.waiting import PATIENCE

#: A millisecond of the database's clock, and some more.
TICK = 0.005


def remembered():
    with db.get_engine().connect() as bind:
        rows = bind.execute(sa.select(db.FreshState.__table__)).mappings()
        return {(each["image_id"], each["region"]) for each in rows}


@pytest.fixture
def comparison(database):
    """Give the claim of a job that has listed the regions, and has stored nothing."""
    find(state("a", state="drift"), state("c", state="drift"))
    claim = claimed()
    time.sleep(TICK)
    return claim


def test_an_outcome_that_leaves_no_state_is_newer(comparison):
    written(state("a", state=None), state("b", state=None))
    assert words() == {("c", "R2"): "drift"}
    find(*(state(name, state="drift") for name in "abc"), claim=comparison)
    assert words() == {("c", "R2"): "drift"}


def test_an_outcome_that_leaves_a_state_is_newer(comparison):
    written(state("a", state="no_data"), state("b", state="no_data"))
    newer = {("a", "R2"): "no_data", ("b", "R2"): "no_data"}
    # The walk has found them in order, gone, or as they were.
    find(
        state("a", state=None),
        state("b", project_id=None, state=None),
        stretches=[stretch()],
        claim=comparison,
    )
    assert words() == newer


def test_a_comparison_that_was_stored_first_is_older(comparison):
    find(*(state(name, state="drift") for name in "abc"), claim=comparison)
    written(state("a", state=None), state("b", state="no_data"))
    assert words() == {("b", "R2"): "no_data", ("c", "R2"): "drift"}


def test_a_walk_that_began_before_keeps_what_it_can_not_know(comparison):
    written(state("new", state="no_data"))
    find(stretches=[stretch()], claim=comparison)
    assert words() == {("new", "R2"): "no_data"}


def test_a_comparison_that_began_later_counts(comparison):
    written(state("a", state=None), state("b", state="no_data"))
    assert remembered() == {("a", "R2"), ("b", "R2")}
    time.sleep(TICK)
    find(state("a", state="drift"), stretches=[stretch()])
    assert words() == {("a", "R2"): "drift"}


def test_a_job_that_is_claimed_again_begins_again(comparison):
    written(state("a", state=None))
    expire()
    time.sleep(TICK)
    again = db.leases.claim_job("e3", LEASE)
    assert again.job.id == comparison.job.id
    find(state("a", state="drift"), claim=again)
    assert words() == {("a", "R2"): "drift", ("c", "R2"): "drift"}


def test_each_part_of_a_plan_begins_again(comparison):
    with db.plans.PlanWriter(comparison) as plan:
        plan.finish({}, {"later": True})
    written(state("a", state=None))
    time.sleep(TICK)
    with db.plans.PlanWriter(comparison, 1) as plan:
        plan.add([], Findings([state("a", state="drift")]))
        written(state("c", state=None))
        plan.hold([], Findings([state("c", state="drift")]))
        plan.finish({})
    assert words() == {("a", "R2"): "drift"}


def test_other_regions_and_projects_are_not_newer(comparison):
    written(state("a", state=None))
    other = state("a", state="drift", project_id="o" * 32)
    find(state("a", "R4"), other, stretches=[stretch(targets=["R4"])], claim=comparison)
    assert words() == {("a", "R2"): "drift", ("a", "R4"): "missing", ("c", "R2"): "drift"}


def test_nothing_is_remembered_while_no_job_is_planned(database):
    written(state("a", state=None), state("b", state="no_data"))
    assert remembered() == set()


def test_what_no_comparison_needs_is_forgotten(comparison):
    written(state("a", state=None), state("b", state=None))
    assert db.fresh_states.purge(10) == 0
    find(claim=comparison)
    time.sleep(TICK)
    assert db.fresh_states.purge(1) == 1
    assert db.fresh_states.purge(10) == 1
    assert remembered() == set()


def test_an_outcome_is_remembered_once_with_its_last_time(comparison):
    written(state("a", state=None))
    with connection.reader() as session:
        between = session.execute(sa.select(now_ms())).scalar_one()
    time.sleep(TICK)
    written(state("a", state="no_data"))
    with db.get_engine().connect() as bind:
        (told_at,) = bind.execute(sa.select(db.FreshState.told_at)).scalars()
    assert told_at > between


def one_by_one(session, statement, rows, substitute):
    session.execute(statement, rows)
    return rows


@pytest.mark.parametrize("left", [None, "no_data"])
@pytest.mark.parametrize("is_first", [True, False])
def test_two_engines_that_store_at_the_same_time(comparison, left, is_first):
    """One waits for the row of the region, and then sees what the other has committed."""
    if os.environ.get(ENVIRONMENT) == "eventlet" and db.get_engine().dialect.name == "sqlite":
        pytest.skip("A green thread that waits for SQLite holds up the one that it waits for")
    outcome, finding = state("a", state=left), state("a", state="drift")

    def outcomes(session):
        db.image_states.store_outcomes(session, other.job, [outcome], one_by_one)

    def comparisons(session):
        found = Findings([finding], [stretch()])
        db.image_states.store(session, comparison.job, found, one_by_one)

    def store_second():
        with connection.writer() as session:
            second(session)

    other = claimed()
    first, second = (outcomes, comparisons) if is_first else (comparisons, outcomes)
    waiting = threading.Thread(target=store_second)
    with connection.writer() as session:
        first(session)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(PATIENCE)
    assert not waiting.is_alive()
    assert words().get(("a", "R2")) == left
