"""States of namespaces: rows that databases refuse, pages, purges, and regions that leave."""

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import batches, connection
from kingbird.db.metadef_states import Figures
from kingbird.db.state_pages import Selection
from kingbird.tests.unit.db.states import claimed, find_namespaces, namespace, stretch

EVERYTHING = Selection(None)
#: As long as Glance's names of namespaces can be, and as region names.
LONG, REGION = "ö" * 80, "ü" * 255


@pytest.fixture(autouse=True)
def tables(database):
    """Use a database of each test's own."""


def names(selection=EVERYTHING, sort="name", limit=10, marker=None):
    found = db.metadef_pages.page(selection, sort=sort, limit=limit, marker=marker)
    return [rows[0].name for rows in found]


def test_long_names_and_sentences_are_kept():
    find_namespaces(
        namespace(LONG, REGION, message="m" * 10**6, differences={"🐦": {"source": "\ud800"}})
    )
    (rows,) = db.metadef_pages.page(EVERYTHING, sort="since", limit=10, marker=None)
    assert (rows[0].name, rows[0].region) == (LONG, REGION)
    assert db.metadef_pages.figures(None)[REGION].counts == {"missing": 1}


def test_values_that_are_too_large_are_left_out():
    find_namespaces(namespace(differences={"property": {"source": "x" * 10**7}}), namespace("b"))
    (row,) = db.metadef_pages.page(Selection(None, name=""), sort="name", limit=1, marker=None)
    assert row[0].differences is None
    assert names() == ["", "b"]


def test_a_namespace_has_one_place():
    find_namespaces(namespace("a"), namespace("b"), namespace("b", "R3"), namespace("c", "R3"))
    assert names(limit=2) == ["a", "b"]
    assert names(limit=2, marker="b") == ["c"]
    assert names(sort="since", limit=1) + names(sort="since", marker=names(sort="since")[0]) == (
        names(sort="since")
    )
    assert names(Selection(None, regions=["R3"])) == ["b", "c"]
    assert names(Selection("somebody")) == []
    with pytest.raises(exception.BadRequest):
        names(Selection(None, regions=["R2"]), marker="c")


def test_every_change_has_another_version():
    seen = {db.metadef_pages.version(None)}
    for change in (
        lambda: find_namespaces(namespace()),
        lambda: find_namespaces(namespace()),
        lambda: find_namespaces(namespace(state="drift")),
        lambda: find_namespaces(namespace(state=None)),
        lambda: find_namespaces(figures=Figures({"R2": 3})),
        lambda: find_namespaces(figures=Figures({}, ["R2"])),
        lambda: find_namespaces(namespace()),
        lambda: db.metadef_states.purge(0, 10),
    ):
        with db.get_engine().begin() as bind:
            old = sa.text("'2026-01-01 00:00:00.000000'")
            bind.execute(sa.update(db.MetadefState.__table__).values(compared_at=old))
        change()
        now = db.metadef_pages.version(None)
        assert now not in seen
        seen.add(now)
    assert names() == []


def test_an_outcome_that_is_newer_than_a_comparison_counts():
    find_namespaces(namespace("b"))
    comparison = claimed()
    told = [namespace("a", state=None), namespace("b", state="drift")]
    with connection.writer() as session:
        db.metadef_states.store_outcomes(session, comparison.job, told, batches._together)
    find_namespaces(
        namespace("a"), namespace("b", state=None), claim=comparison, stretches=[stretch()]
    )
    assert names(Selection(None, states=["drift"])) == names() == ["b"]
    # One that begins later finds what there is.
    find_namespaces(namespace("a"), stretches=[stretch()])
    assert names() == ["a"]


def test_a_region_that_left_the_catalog_has_nothing():
    find_namespaces(namespace(), namespace(region="R3"), figures=Figures({"R2": 3, "R3": 3}))
    find_namespaces(figures=Figures({"R2": 4}, known_regions=["R1", "R2"]))
    assert set(db.metadef_pages.figures(None)) == {"R2"}
    (rows,) = db.metadef_pages.page(EVERYTHING, sort="name", limit=10, marker=None)
    assert [row.region for row in rows] == ["R2"]


def test_the_time_since_a_region_is_away_stays():
    find_namespaces(figures=Figures({"R2": 3}))
    find_namespaces(figures=Figures({}, ["R2"]))
    first = db.metadef_pages.figures(None)["R2"]
    find_namespaces(figures=Figures({}, ["R2"]))
    again = db.metadef_pages.figures(None)["R2"]
    assert (again.images, again.away_since) == (3, first.away_since)
    assert first.away_since is not None
