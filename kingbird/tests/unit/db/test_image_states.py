"""The states of images: stored with plans and outcomes, and deleted when in order."""

import re
from datetime import datetime

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db.image_states import Findings
from kingbird.db.outcomes import IMAGE_STATE
from kingbird.db.region_states import Figures
from kingbird.db.state_pages import Selection
from kingbird.tests.unit.db.rows import LEASE, PROJECT, expire, row
from kingbird.tests.unit.db.states import (
    age,
    claimed,
    find,
    outcomes_of,
    state,
    stored,
    stretch,
    words,
)

OTHER = "o" * 32
OLD = datetime(2026, 1, 1)


def ended(claim, rows):
    """End the task of a job, each of whose items has the outcome ``created``."""
    task = db.leases.claim_task("e1", LEASE)
    return db.outcomes.end_task(task, outcomes_of(task, rows))


def planned(*images, region="R2"):
    """Store a plan that creates images, and return its claim."""
    claim = claimed()
    with db.plans.PlanWriter(claim) as plan:
        plan.hold(
            [row(image, region) for image in images],
            Findings([state(image, region) for image in images]),
        )
        plan.finish({})
    return claim


def test_what_is_planned_to_be_created_is_missing_until_its_outcome(database):
    planned("a", "b", "c")
    assert words() == dict.fromkeys([("a", "R2"), ("b", "R2"), ("c", "R2")], "missing")
    failed = state("c", state="missing", reason="quota", message="Too\nmany")
    ended(None, [state("a", state=None), state("b", state="no_data"), failed])
    assert words() == {("b", "R2"): "no_data", ("c", "R2"): "missing"}
    left = stored()["c", "R2"]
    assert (left["reason"], left["message"]) == ("quota", "Too many")


def test_the_age_is_that_of_the_state(database):
    find(state("a"), state("b"), state("c"))
    age()
    claim = find(state("a"), state("b", reason="same_name"), state("c", state="drift"))
    found = stored()
    assert [found[name, "R2"]["since"] == OLD for name in "abc"] == [True, True, False]
    assert all(one["compared_at"] > OLD for one in found.values())
    assert {one["job_id"] for one in found.values()} == {claim.job.id}
    assert found["b", "R2"]["reason"] == "same_name"


def test_a_walk_deletes_what_it_has_not_found_again(database):
    find(*(state(name) for name in "abcde"), state("b", "R3"), state("c", source_region="R9"))
    find(state("b", "R2"), state("d"), stretches=[stretch("b", "e")])
    # Those that are left are not in the stretch, or their source or target was not listed.
    assert words().keys() == {*((name, "R2") for name in "abcde"), ("b", "R3")}
    find(stretches=[stretch("b", "e")])
    assert words().keys() == {("a", "R2"), ("b", "R3"), ("c", "R2"), ("e", "R2")}


def test_a_walk_keeps_what_it_decides_about_later(database):
    find(state("a"), state("b"))
    find(stretches=[stretch(undecided={("a", "R2")})])
    assert words().keys() == {("a", "R2")}


def test_a_walk_keeps_what_it_stores_later(database):
    """A later batch has the finding of an image and project, which keeps its age."""
    find(state("a"), state("a", project_id=OTHER), state("b"))
    age()
    claim = claimed()
    with db.plans.PlanWriter(claim) as plan:
        awaited = {("a", "R2", PROJECT)}
        plan.add([], Findings([], [stretch(all_projects=True, awaited=awaited)]))
        assert [one["project_id"] for one in stored().values()] == [PROJECT]
        plan.add([], Findings([state("a")], [stretch("c")]))
    assert stored()["a", "R2"]["since"] == OLD


def test_a_walk_with_filters_deletes_what_it_has_compared(database):
    find(state("a"), state("b"))
    find(stretches=[stretch(ids={"b"})])
    assert words().keys() == {("a", "R2")}
    find(stretches=[stretch(ids=set())])
    assert words().keys() == {("a", "R2")}


def test_parts_of_a_plan_do_not_delete_each_others_states(database):
    claim = claimed()
    with db.plans.PlanWriter(claim) as plan:
        plan.add([], Findings([state("a")]))
        plan.add([], Findings([state("b")], [stretch()]))
    assert words().keys() == {("a", "R2"), ("b", "R2")}


def test_no_project_changes_the_states_of_another(database):
    find(state("a"), state("b", project_id=OTHER), state("c", project_id=OTHER))
    find(stretches=[stretch()])
    assert words().keys() == {("b", "R2"), ("c", "R2")}
    find(state("b", state=None), claim=claimed())
    assert words().keys() == {("b", "R2"), ("c", "R2")}
    find(stretches=[stretch(all_projects=True)])
    assert words() == {}


def test_both_projects_with_an_image_of_one_id_have_a_state(database):
    find(state("a", state="conflict"), state("a", state="drift", project_id=OTHER))
    for project, word in ((PROJECT, "conflict"), (OTHER, "drift")):
        found = db.state_pages.page(Selection(project), sort="since", limit=9, marker=None)
        assert [one.state for (one,) in found] == [word]
    everybody = db.state_pages.page(Selection(None), sort="since", limit=9, marker=None)
    assert [len(one) for one in everybody] == [2]


def test_a_region_that_is_away_changes_nothing_that_is_known(database):
    find(state("a", state="drift"))
    age()
    find(state("a", state="away"), state("b", state="away"), stretches=[stretch()])
    assert words() == {("a", "R2"): "drift", ("b", "R2"): "away"}
    assert stored()["a", "R2"]["since"] == OLD
    find(state("b", state=None))
    assert words() == {("a", "R2"): "drift"}


def test_an_image_that_is_gone_from_its_source_has_no_state(database):
    find(state("a"), state("b"), state("b", "R3"), state("c", project_id=OTHER))
    gone = [state(name, project_id=None, state=None) for name in "abc"]
    find(*gone, state("b", source_region="R9", project_id=None, state=None))
    assert words().keys() == {("b", "R3"), ("c", "R2")}


def test_an_engine_that_lost_its_lease_writes_no_state(database):
    claim = claimed()
    expire()
    db.leases.claim_job("e2", LEASE)
    with pytest.raises(exception.LeaseLost), db.plans.PlanWriter(claim) as plan:
        plan.add([], Findings([state("a")]))
    assert words() == {}


def test_nor_does_one_that_lost_a_task(database):
    planned("a")
    task = db.leases.claim_task("e1", LEASE)
    (item,) = db.items.open_items(task, 10)
    expire()
    db.leases.claim_task("e2", LEASE)
    outcome = {"pk": item.pk, "status": "SUCCESS", "reason": "created"}
    for write in (db.outcomes.record, db.outcomes.end_task):
        with pytest.raises(exception.LeaseLost):
            write(task, [{**outcome, IMAGE_STATE: state("a", state=None)}])
    assert words() == {("a", "R2"): "missing"}


def test_what_another_job_has_found_at_the_same_time_is_no_error(database, monkeypatch):
    """Nothing was there when it looked."""
    find(state("a", state="drift"))
    monkeypatch.setattr(db.image_states, "_known", lambda session, rows: {})
    find(state("a"))
    assert words() == {("a", "R2"): "drift"}


def test_hostile_text_is_stored(database):
    name = "\0\ud83d\n🐦" * 200
    values = {name: {"source": name, "target": None}}
    find(state("a", name=name, message=name, differences=values, project_id=name))
    (found,) = stored().values()
    assert "🐦" in found["name"]


FIGURES = Figures(False, {"R2": 10, "R3": 7})


def figures(project=PROJECT):
    return db.state_figures.figures(project)


def test_the_figures_of_regions(database):
    find(state("a"), state("b", state="drift"), state("c", "R3"), figures=FIGURES)
    found = figures()
    assert (found["R2"].images, found["R2"].counts) == (10, {"missing": 1, "drift": 1})
    assert (found["R3"].images, found["R3"].counts) == (7, {"missing": 1})
    assert found["R2"].oldest == min(one["since"] for one in stored().values())
    assert found["R2"].compared_at is not None
    # Another project is not told of them.
    assert figures(OTHER) == {}
    more = Figures(False, {"R2": 5}, is_continued=True)
    find(figures=more)
    assert figures()["R2"].images == 15
    find(figures=Figures(False, {"R2": 5}))
    assert figures()["R2"].images == 5


def test_a_region_that_is_away_keeps_its_figures(database):
    find(figures=FIGURES)
    before = figures()["R2"]
    for _ in range(2):
        find(figures=Figures(False, {}, away={"R2": ("region_unavailable", "no")}))
        found = figures()["R2"]
        assert (found.images, found.compared_at) == (10, before.compared_at)
        assert found.away_since is not None
        before.away_since = before.away_since or found.away_since
        assert found.away_since == before.away_since
    find(figures=FIGURES)
    assert figures()["R2"].away_since is None


def test_a_region_that_is_mostly_empty_keeps_no_rows(database):
    bulk = Figures(False, {"R2": 5, "R3": 5}, {("R2", "missing"): 5})
    find(state("a"), state("b", state="drift"), state("a", "R3"), figures=bulk)
    assert words() == {("b", "R2"): "drift", ("a", "R3"): "missing"}
    assert figures()["R2"].bulk == {"missing": 5}
    # Copies that are made are taken off, and those without data are counted.
    planned("c")
    with db.get_engine().begin() as bind:
        bind.execute(sa.delete(db.ImageState.__table__).where(db.ImageState.image_id == "c"))
    ended(None, [state("c", state="no_data")])
    assert figures()["R2"].bulk == {"missing": 4, "no_data": 1}
    assert ("c", "R2") not in words()
    find(figures=Figures(False, {"R2": 5}))
    assert figures()["R2"].bulk == {}


def test_a_region_that_left_the_catalog_is_forgotten(database):
    find(state("a"), state("a", "R3"), state("b", "R3", project_id=OTHER), figures=FIGURES)
    find(figures=Figures(False, {"R2": 1}, known_regions=["R1", "R2"]))
    assert words().keys() == {("a", "R2"), ("b", "R3")}
    assert figures().keys() == {"R2"}
    find(figures=Figures(True, {"R2": 1}, known_regions=["R1", "R2"]))
    assert words().keys() == {("a", "R2")}


def test_what_nobody_compares_any_more_is_purged(database):
    find(state("a"), state("b"))
    age()
    find(state("b"))
    assert db.image_states.purge(3600, 10) == 1
    assert words().keys() == {("b", "R2")}


def listed(selection=None, sort="since", limit=10, marker=None):
    selection = selection or Selection(PROJECT)
    found = db.state_pages.page(selection, sort=sort, limit=limit, marker=marker)
    return [one[0].image_id for one in found]


def test_pages_by_age_and_by_name(database):
    find(state("c", name="x"), state("c", "R3", name="x"))
    age()
    find(state("a", name="z"), state("b", name="y"), state("c", "R4", name="x"))
    assert listed() == ["c", "a", "b"]
    assert listed(sort="name") == ["c", "b", "a"]
    for sort, order in (("since", ["c", "a", "b"]), ("name", ["c", "b", "a"])):
        seen, marker = [], None
        while page := listed(sort=sort, limit=1, marker=marker):
            seen += page
            marker = page[-1]
        assert seen == order
    assert listed(Selection(PROJECT, regions=["R4"])) == ["c"]
    assert listed(Selection(PROJECT, older_than=3600)) == ["c"]
    assert listed(Selection(PROJECT, name="y")) == ["b"]
    assert listed(Selection(PROJECT, states=["drift"])) == []
    assert listed(Selection(OTHER)) == []
    with pytest.raises(exception.BadRequest):
        listed(marker="d")


def test_the_ids_between_two(database):
    find(*(state(name) for name in "abcd"), state("c", project_id=OTHER))
    assert sorted(db.state_pages.ids(PROJECT, "a", "c")) == ["b", "c"]
    assert sorted(db.state_pages.ids(OTHER, "", "~")) == ["c"]


def statements_of(table, write):
    """Return the statements that change a table, each with the number of its sets of values."""
    seen = []

    def note(conn, cursor, statement, parameters, context, executemany):
        words = statement.replace('"', " ").split()
        if words[0] in ("INSERT", "UPDATE") and table in words[1:3]:
            seen.append((statement, len(parameters) if executemany else 1))

    sa.event.listen(db.get_engine(), "before_cursor_execute", note)
    write()
    sa.event.remove(db.get_engine(), "before_cursor_execute", note)
    return seen


@pytest.mark.parametrize("table", ["image_states", "fresh_states"])
def test_rows_are_inserted_at_once(database, table):
    """PyMySQL sends a statement for each row if one of its values is a function."""
    images = [f"i{number}" for number in range(20)]

    def write():
        claim = planned(*images)
        # A job that is planned remembers what others write.
        claimed()
        ended(claim, [state(image, state="no_data") for image in images])

    ((statement, rows),) = [
        one for one in statements_of(table, write) if one[0].startswith("INSERT")
    ]
    assert rows == 20
    values = re.search(r"VALUES \((.*?)\) ON", statement)
    assert values is not None, statement
    assert all(re.fullmatch(r"\?|%\(\w+\)s(::JSON)?", one) for one in values[1].split(", ")), (
        statement
    )


def test_equal_states_are_changed_with_one_statement(database):
    images = [f"i{number}" for number in range(20)]
    planned(*images)
    rows = [state(image, state="no_data") for image in images]
    rows[3] = state(images[3], state="missing", reason="quota", message="No more")
    seen = statements_of("image_states", lambda: ended(None, rows))
    assert sorted(rows for _, rows in seen) == [1, 1]
    assert words() == {
        (image, "R2"): "missing" if image == images[3] else "no_data" for image in images
    }
