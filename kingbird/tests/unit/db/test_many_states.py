"""20,000 images are not in order: a page reads few of them."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db.state_pages import Selection
from kingbird.tests.unit.db.reads import counting
from kingbird.tests.unit.db.rows import PROJECT, utcnow
from kingbird.tests.unit.db.states import state

IMAGES, REGIONS = 5_000, ("R2", "R3", "R4", "R5")
#: Rows that a page of 50 images in four regions may read, of temporary tables too.
MOST_ROWS = 5_000
OTHER = "o" * 32


#: The queries of readers.
SELECTIONS = (
    Selection(PROJECT),
    Selection(None),
    Selection(OTHER),
    Selection(PROJECT, regions=["R3"]),
    Selection(None, regions=["R3"]),
    Selection(PROJECT, states=["drift"]),
    Selection(None, states=["drift"]),
    Selection(None, name="image 17"),
    Selection(PROJECT, name="image 17"),
    Selection(None, older_than=100),
)


def fill():
    """Store the states of images of two projects."""
    now = utcnow()
    rows = [
        {
            **state(f"{number:036}", region, ("missing", "drift")[number % 2]),
            "name": f"image {number * 7919 % IMAGES}",
            "project_id": PROJECT if number % 20 else OTHER,
            "job_id": "j",
            "since": now - timedelta(seconds=number),
            "compared_at": now,
        }
        for number in range(IMAGES)
        for region in REGIONS
    ]
    with db.get_engine().begin() as bind:
        bind.execute(db.ImageState.__table__.insert(), rows)
        if bind.dialect.name != "mysql":
            # PostgreSQL does so by itself within a minute.
            bind.execute(sa.text("ANALYZE image_states"))


def test_a_page_reads_few_rows(database):
    fill()
    for selection in SELECTIONS:
        expected = 1 if selection.name else 50
        for sort in db.state_pages.SORT_KEYS:
            with counting() as statements:
                first = db.state_pages.page(selection, sort=sort, limit=50, marker=None)
                last = first[-1][0].image_id
                second = db.state_pages.page(selection, sort=sort, limit=50, marker=last)
            assert (len(first), len(second)) == (expected, 50 if expected == 50 else 0)
            worst = max(statements, key=lambda one: one.rows)
            assert worst.rows <= MOST_ROWS, f"{worst.rows} rows: {selection} {sort} {worst.text}"


@pytest.mark.parametrize("limit", [1, 7])
def test_an_index_is_read_in_parts(database, monkeypatch, limit):
    """Images have their places by their first rows, wherever a part ends."""
    monkeypatch.setattr(db.state_pages, "LEAST_READ", 1)
    now = utcnow()
    rows = [
        {
            **state(f"{image:036}", region),
            "name": "abcABC"[image % 6],
            "job_id": "j",
            # Rows of an image lie far apart, and those of several images have one age.
            "since": now - timedelta(seconds=(image * 7 + place * 5) % 11),
            "compared_at": now,
        }
        for image in range(12)
        for place, region in enumerate(REGIONS)
    ]
    with db.get_engine().begin() as bind:
        bind.execute(db.ImageState.__table__.insert(), rows)
    expected = sorted({row["image_id"] for row in rows}, key=lambda one: (_oldest(rows, one), one))
    seen, marker = [], None
    while found := db.state_pages.page(Selection(None), sort="since", limit=limit, marker=marker):
        assert {len(one) for one in found} == {len(REGIONS)}
        seen += [one[0].image_id for one in found]
        marker = seen[-1]
    assert seen == expected
    seen, marker = [], None
    while found := db.state_pages.page(Selection(None), sort="name", limit=limit, marker=marker):
        seen += [(one[0].name.lower(), one[0].image_id) for one in found]
        marker = seen[-1][1]
    assert len(seen) == len(set(seen)) == len(expected)


def _oldest(rows, image_id):
    return min(row["since"] for row in rows if row["image_id"] == image_id)
