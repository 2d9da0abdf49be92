"""Regions of which no rows are kept count the images whose state has changed."""

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import connection, region_states
from kingbird.db.region_states import Figures
from kingbird.states import CopyState
from kingbird.tests.unit.db.rows import PROJECT
from kingbird.tests.unit.db.states import claimed, find, state

BULK = {("R2", "missing"): 5, ("R3", "missing"): 5, ("R3", "no_data"): 5}


def read():
    """Return the figures of the regions and their revisions."""
    query = sa.select(
        db.RegionState.region,
        db.RegionState.bulk_missing,
        db.RegionState.bulk_no_data,
        db.RegionState.revision,
    )
    with db.get_engine().connect() as bind:
        return {row.region: tuple(row[1:]) for row in bind.execute(query)}


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        ("missing", "no_data", (-1, 1, 1)),
        ("missing", "same", (-1, 0, 1)),
        ("missing", "missing", (0, 0, 0)),
        ("no_data", "same", (0, -1, 1)),
        ("no_data", "no_data", (0, 0, 0)),
    ],
)
def test_only_regions_of_which_an_image_has_changed_have_another_revision(
    database, before, now, change
):
    find(figures=Figures(False, {"R2": 5, "R3": 10}, BULK))
    old = read()
    pairs = {(PROJECT, "R2"), (PROJECT, "R3")}
    with connection.writer() as session:
        row = state("a", "R3", state=now)
        region_states.count_changed(session, [row], pairs, CopyState(before))
    new = read()
    assert new["R2"] == old["R2"]
    assert tuple(n - o for n, o in zip(new["R3"], old["R3"], strict=True)) == change


def test_figures_of_a_project_leave_those_of_another_one(database):
    find(figures=Figures(False, {"R2": 5}, {("R2", "missing"): 5}))
    other = "q" * 32
    for images in (7, 9):
        find(claim=claimed(project=other), figures=Figures(False, {"R2": images}))
    table = db.RegionState
    found = connection.rows(sa.select(table.project_id, table.images, table.bulk_missing))
    assert sorted(found) == [(PROJECT, 5, 5), (other, 9, 0)]
