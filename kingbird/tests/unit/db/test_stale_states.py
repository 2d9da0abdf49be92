"""A comparison finds that many images are in order: no transaction deletes all of their states."""

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import connection, metadef_states
from kingbird.db.image_states import Findings
from kingbird.db.region_states import Figures
from kingbird.tests.unit.db.states import (
    age,
    claimed,
    find,
    find_namespaces,
    namespace,
    state,
    stored,
    stretch,
    words,
    written,
)
from kingbird.tests.unit.db.writes import changed_rows

#: The rows of a batch here.
BATCH = 10
MANY = [f"{number:036}" for number in range(5 * BATCH)]


@pytest.fixture(autouse=True)
def small_batches(database, monkeypatch):
    monkeypatch.setattr(connection, "BATCH", BATCH)


@pytest.fixture
def deleted():
    """Return a list of the numbers of states that each transaction has deleted."""
    tables = ("image_states", "metadef_states")
    with changed_rows(*tables, statements=["DELETE"]) as transactions:
        yield transactions


def has_gone_in_steps(deleted, number):
    return sum(deleted) == number and max(deleted) <= BATCH


def test_states_of_a_stretch(deleted):
    find(*map(state, MANY), state("z", "R3"))
    find(stretches=[stretch()])
    assert words() == {("z", "R3"): "missing"}
    assert has_gone_in_steps(deleted, len(MANY))


def test_states_of_named_images(deleted):
    find(*map(state, MANY))
    named = set(MANY[: 3 * BATCH])
    find(stretches=[stretch(ids=named)])
    assert {image for image, _ in words()} == {*MANY} - named
    assert has_gone_in_steps(deleted, len(named))


def test_states_of_one_image_in_many_regions(deleted):
    regions = [f"T{number:02}" for number in range(5 * BATCH)]
    find(*(state("a", region) for region in regions), state("b", regions[0]))
    undecided = {("a", region) for region in regions[:-1]}
    find(stretches=[stretch(targets=regions, undecided=undecided)])
    assert words().keys() == undecided
    assert has_gone_in_steps(deleted, 2)


def test_a_state_is_kept_that_is_found_again(deleted):
    find(*map(state, MANY))
    age()
    since = stored()[MANY[0], "R2"]["since"]
    find(*map(state, MANY[::2]), stretches=[stretch()])
    assert {image for image, _ in words()} == {*MANY[::2]}
    assert {row["since"] for row in stored().values()} == {since}
    assert has_gone_in_steps(deleted, len(MANY) // 2)


def test_a_state_is_kept_that_was_written_since(deleted):
    find(*map(state, MANY))
    claim = claimed()
    written(state(MANY[7], state="drift"))
    find(stretches=[stretch()], claim=claim)
    assert words() == {(MANY[7], "R2"): "drift"}
    assert has_gone_in_steps(deleted, len(MANY) - 1)


def test_what_was_held_until_the_end_of_a_plan(deleted):
    find(*map(state, MANY))
    with db.plans.PlanWriter(claimed()) as plan:
        plan.hold([], Findings([], [stretch()]))
        plan.finish({})
    assert not words()
    assert has_gone_in_steps(deleted, len(MANY))


def test_states_of_a_region_that_keeps_no_rows(deleted):
    find(*map(state, MANY), state("y", state="drift"), state("z", "R3"))
    find(figures=Figures(False, {"R2": 60}, {("R2", "missing"): 50}))
    assert words() == {("y", "R2"): "drift", ("z", "R3"): "missing"}
    assert has_gone_in_steps(deleted, len(MANY))


def test_states_of_a_region_that_is_away(deleted):
    find(*map(state, MANY))
    away = {"R2": ("region_unavailable", None)}
    find(figures=Figures(False, {}, {("R2", "missing"): 50}, away))
    assert len(words()) == len(MANY)


def test_states_of_a_region_that_left_the_catalog(deleted):
    seen = Figures(False, {"R2": 1, "R3": 50})
    find(*(state(one, "R3") for one in MANY), state("a"), figures=seen)
    find(figures=Figures(False, {"R2": 1}, known_regions=["R1", "R2"]))
    assert words().keys() == {("a", "R2")}
    assert has_gone_in_steps(deleted, len(MANY))


def test_an_engine_that_lost_its_lease_deletes_none(deleted):
    find(*map(state, MANY))
    claim = claimed()
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).values(generation=db.Job.generation + 1))
    with pytest.raises(exception.LeaseLost):
        db.plans.PlanWriter(claim).add([], Findings([], [stretch()]))
    assert len(words()) == len(MANY)


def names():
    with db.get_engine().connect() as bind:
        return set(bind.execute(sa.select(db.MetadefState.name)).scalars())


def test_states_of_namespaces(deleted):
    find_namespaces(*map(namespace, MANY))
    find_namespaces(*map(namespace, MANY[::2]), stretches=[stretch()])
    assert names() == {*MANY[::2]}
    assert has_gone_in_steps(deleted, len(MANY) // 2)


def test_namespaces_of_a_region_that_left_the_catalog(deleted):
    find_namespaces(*(namespace(one, "R3") for one in MANY), namespace("a"))
    find_namespaces(figures=metadef_states.Figures({"R2": 1}, known_regions=["R1", "R2"]))
    assert names() == {"a"}
    assert has_gone_in_steps(deleted, len(MANY))
