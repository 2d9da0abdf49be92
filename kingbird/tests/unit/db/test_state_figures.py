"""The figures of regions equal a plain count, and whoever has the present answer is told so."""

import random
import threading
from collections import Counter, defaultdict
from weakref import WeakKeyDictionary

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import batches, connection, region_states, state_figures, state_totals
from kingbird.db.region_states import Figures
from kingbird.db.state_pages import Selection
from kingbird.tests.unit.db.reads import counting
from kingbird.tests.unit.db.rows import LEASE, PROJECT, expire
from kingbird.tests.unit.db.states import age, claimed, find, state, stretch
from kingbird.tests.waiting import PATIENCE

OTHER = "o" * 32
REGIONS = ("R2", "R3", "R4")


def recount(project_id):
    """Count the rows of image_states plainly, by region and state, with the oldest of each."""
    table = db.ImageState.__table__
    numbers, oldest = defaultdict(Counter), {}
    with db.get_engine().connect() as bind:
        for row in bind.execute(sa.select(table)).all():
            if project_id in (None, row.project_id):
                numbers[row.region][row.state] += 1
                oldest[row.region] = min(row.since, oldest.get(row.region, row.since))
    return {region: (dict(numbers[region]), oldest[region]) for region in numbers}


def counted(project_id):
    """Return the same of the figures."""
    return {
        region: (dict(one.counts), one.oldest)
        for region, one in db.state_figures.figures(project_id).items()
        if one.counts
    }


def totals():
    """Return the numbers of the metrics by region."""
    with connection.reader() as session:
        return {
            region: {state: number for state, number in one.states.items() if number}
            for region, one in state_totals.collect(session).items()
        }


def rows():
    """Return all that an answer may tell."""
    with db.get_engine().connect() as bind:
        found = []
        for model in (db.ImageState, db.RegionState):
            columns = [one for one in model.__table__.c if one.name not in ("pk", "revision")]
            found += [sorted(map(repr, bind.execute(sa.select(*columns)).all()))]
    return found


def some_change(choose):
    """Store what some job finds, writes or forgets."""
    what = choose.choice(("find", "find", "walk", "bulk", "left", "purge", "outcome"))
    project = choose.choice((PROJECT, OTHER))
    states = [
        state(
            choose.choice("abcdef"),
            choose.choice(REGIONS),
            choose.choice(("missing", "drift", "no_data", None)),
            project_id=choose.choice((project, project, None)),
        )
        for _ in range(choose.randint(0, 5))
    ]
    once = list({(one["image_id"], one["region"]): one for one in states}.values())
    everybody = choose.random() < 0.3
    if what == "find":
        find(*once)
    elif what == "walk":
        covered = stretch(targets=list(REGIONS), all_projects=everybody)
        find(*once, stretches=[covered], figures=Figures(everybody, {"R2": 9}))
    elif what == "bulk":
        find(figures=Figures(everybody, {"R2": 9}, {("R2", "missing"): 9}))
    elif what == "left":
        known = ["R1", *choose.sample(REGIONS, 2)]
        find(figures=Figures(everybody, {known[1]: 9}, known_regions=known))
    elif what == "purge":
        age()
        with connection.writer() as session:
            pairs = session.execute(sa.select(db.RegionState.project_id, db.RegionState.region))
            region_states.touch(session, [tuple(pair) for pair in pairs])
        assert counted(PROJECT) == recount(PROJECT)
        db.image_states.purge(3600, choose.randint(1, 3))
    else:
        written = [one for one in once if one["project_id"]]

        def transaction(execute):
            with connection.writer() as session:
                db.image_states.store_outcomes(session, claimed().job, written, execute)

        batches.write(transaction)


@settings(
    max_examples=25,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_the_figures_are_a_plain_count(database, seed, changes):
    choose = random.Random(seed)
    with db.get_engine().begin() as bind:
        for model in (db.ImageState, db.RegionState, db.Job):
            bind.execute(sa.delete(model))
    seen = {}
    for _ in range(changes):
        some_change(choose)
        for project in (PROJECT, OTHER, None):
            assert counted(project) == recount(project)
        # Whoever has an answer of that version has the present one.
        now, all_rows = repr(db.state_figures.version(None)), rows()
        assert seen.setdefault(now, all_rows) == all_rows
    plain = {region: numbers for region, (numbers, _) in recount(None).items()}
    assert {region: one for region, one in totals().items() if region in ("R3", "R4") and one} == {
        region: one for region, one in plain.items() if region in ("R3", "R4")
    }


def test_a_region_is_counted_once_until_its_states_change(database):
    find(state("a"), state("b", "R3"))

    def grouped(project_id=PROJECT):
        with counting() as statements:
            db.state_figures.figures(project_id)
        return sum("image_states" in one.text for one in statements)

    assert [grouped(), grouped()] == [1, 0]
    assert [grouped(None), grouped(None)] == [1, 0]
    find(state("c", project_id=OTHER))
    assert [grouped(), grouped(None)] == [0, 1]
    find(state("c"))
    assert [grouped(), grouped()] == [1, 0]
    assert counted(PROJECT) == recount(PROJECT)


def test_what_was_counted_first_is_forgotten_first(database, monkeypatch):
    monkeypatch.setattr(state_figures, "MOST_KEPT", 2)
    monkeypatch.setattr(state_figures, "_kept", WeakKeyDictionary())
    find(*(state("a", region) for region in REGIONS))
    assert counted(PROJECT) == recount(PROJECT)
    (kept,) = state_figures._kept.values()
    assert set(kept._counted) == {(PROJECT, "R3"), (PROJECT, "R4")}
    assert counted(PROJECT) == recount(PROJECT)
    assert len(kept._counted) == 2


def revision(region):
    with connection.reader() as session:
        return state_figures.revisions(session, PROJECT)[region]


def test_nothing_changes_for_other_projects(database):
    find(state("a"))
    mine, theirs = db.state_figures.version(PROJECT), db.state_figures.version(OTHER)
    find(state("b"))
    assert db.state_figures.version(PROJECT) != mine
    assert db.state_figures.version(OTHER) == theirs


def test_an_engine_that_lost_its_lease_changes_no_revision(database):
    find(state("a"))
    claim = claimed()
    expire()
    db.leases.claim_job("e2", LEASE)
    before = db.state_figures.version(PROJECT)
    with pytest.raises(exception.LeaseLost), db.plans.PlanWriter(claim) as plan:
        plan.add([], db.image_states.Findings([state("b")]))
    assert db.state_figures.version(PROJECT) == before


def test_a_region_that_comes_back_has_no_revision_that_it_had(database):
    find(state("a"), figures=Figures(False, {"R2": 1}))
    before, version = revision("R2"), db.state_figures.version(PROJECT)
    assert counted(PROJECT) == recount(PROJECT)
    find(figures=Figures(False, {"R9": 1}, known_regions=["R1"]))
    find(state("b"), state("c"))
    assert revision("R2") > before
    assert db.state_figures.version(PROJECT) != version
    assert counted(PROJECT) == recount(PROJECT)


def test_writers_at_once_lose_no_change(database):
    """Each transaction ends with the rows of its regions, in one order."""
    errors = []

    def write(number):
        try:
            for turn in range(10):
                mine = [state(f"{number}-{turn}", region) for region in REGIONS]
                claim = claims[number]
                with db.plans.PlanWriter(claim) as plan:
                    plan.add([], db.image_states.Findings(mine))
                counted(PROJECT)
        except Exception as error:
            errors.append(error)

    claims = [claimed() for _ in range(3)]
    find(state("z"))
    before = revision("R2")
    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE)
    assert errors == []
    assert revision("R2") == before + 30
    assert counted(PROJECT) == recount(PROJECT)


def test_a_transaction_that_fails_leaves_the_figures(database):
    find(state("a"))
    before = counted(PROJECT)

    def fail():
        with connection.writer() as session:
            session.execute(sa.delete(db.ImageState))
            region_states.touch(session, [(PROJECT, "R2")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert counted(PROJECT) == before == recount(PROJECT)


def test_a_state_that_becomes_old_is_news(database):
    find(state("a"))
    asked = Selection(PROJECT, older_than=0)
    assert db.state_pages.newest(Selection(PROJECT, older_than=3600)) is None
    first = db.state_pages.newest(asked)
    assert first is not None
    find(state("b"))
    assert db.state_pages.newest(asked) > first
    assert db.state_pages.newest(Selection(OTHER, older_than=0)) is None
