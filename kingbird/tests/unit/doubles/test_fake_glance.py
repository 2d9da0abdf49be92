"""Check the double beyond Glance's contract: tests set scenes and count calls with it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import list_query
from kingbird.tests.doubles.glance import AFTER, FakeGlance, unavailable
from kingbird.tests.doubles.glance_rules import Caller, Quotas, new_image
from kingbird.tests.doubles.glance_store import Record, as_field, precise, seconds


@pytest.fixture
def glance() -> FakeGlance:
    return FakeGlance("R1")


@pytest.fixture
def images(glance: FakeGlance) -> ImageClient:
    return glance.images_for("p-demo")


def pages(images: ImageClient) -> Iterator[list[str]]:
    marker = None
    while True:
        body = images.fetch_page(list_query(marker=marker))
        yield [image["id"] for image in images.parse_page(body)]
        marker = images.next_marker(body)
        if marker is None:
            return


def test_pages_may_be_shorter_than_asked(glance: FakeGlance, images: ImageClient) -> None:
    made = sorted(images.create({})["id"] for _ in range(5))
    glance.page_size = 2
    assert list(pages(images)) == [made[:2], made[2:4], made[4:]]


def test_no_page_is_longer_than_a_thousand(glance: FakeGlance, images: ImageClient) -> None:
    made = images.create({"tags": ["a"]})
    record = Record(made, "", "")
    glance.fill(
        Record({**record.image, "id": f"{n:08}-0000-4000-8000-000000000000"}, "", "")
        for n in range(2000)
    )
    assert [len(page) for page in pages(images)] == [1000, 1000, 1]
    assert len(images.parse_page(images.fetch_page("limit=5000"))) == 1000


def test_things_happen_in_mid_walk(glance: FakeGlance, images: ImageClient) -> None:
    made = sorted(images.create({})["id"] for _ in range(4))
    glance.page_size = 2
    queries = []

    def delete(query: dict[str, list[str]]) -> None:
        queries.append(query.get("marker"))
        if query.get("marker") == [made[1]]:
            glance.delete(made[1])

    glance.before_page = delete
    walk = pages(images)
    assert next(walk) == made[:2]
    with pytest.raises(exception.ImageRequestRejected) as caught:
        next(walk)
    assert caught.value.status == 400
    assert queries == [None, [made[1]]]


def test_calls_say_what_was_asked(glance: FakeGlance, images: ImageClient) -> None:
    made = images.create({"name": "x"})["id"]
    images.get(made)
    images.update(made, [])
    images.list_by_ids([made])
    images.fetch_page("tag=a&tag=b")
    images.add_member(made, "p-other")
    images.list_members(made)
    glance.images_for("p-other").set_member_status(made, "p-other", "accepted")
    assert glance.calls == [
        ("create", {"name": "x"}),
        ("get", made),
        ("update", (made, [])),
        ("list", (made,)),
        ("list", {"tag": ["a", "b"]}),
        ("share", (made, "p-other")),
        ("members", made),
        ("accept", (made, "p-other", "accepted")),
    ]
    assert glance.count()["list"] == 2


def test_calls_fail_as_ordered(glance: FakeGlance, images: ImageClient) -> None:
    made = images.create({})["id"]
    glance.fail("share", unavailable(503), when=AFTER)
    with pytest.raises(exception.RegionUnavailable):
        images.add_member(made, "p-other")
    assert glance.shares(made) == {"p-other": "pending"}


def test_purging_sets_ids_free(glance: FakeGlance, images: ImageClient) -> None:
    made = images.create({})["id"]
    glance.delete(made)
    assert glance.ids == set()
    with pytest.raises(exception.ImageRequestRejected):
        images.create({"id": made})
    glance.purge()
    assert images.create({"id": made})["id"] == made


def test_what_the_double_does_not_know_is_said_aloud(images: ImageClient) -> None:
    with pytest.raises(AssertionError, match="does not sort by name asc"):
        images.fetch_page("sort_key=name&sort_dir=asc")


def test_a_field_is_found_where_it_is_one() -> None:
    now = precise(datetime(2026, 11, 22, 10, 30, 0, 123456, tzinfo=UTC))
    assert seconds(now) == "2026-11-22T10:30:00Z"
    tricky = '"x": "y", '
    body = {
        "first": "1",
        "quote": f'{tricky}"',
        'a"x': "y",
        "tags": [", ", "x", "y"],
        "min_ram": 12,
    }
    record = Record(new_image(Caller("p"), body, "an-id", seconds(now), Quotas()), now, now)
    for name, value in (("first", "1"), ("min_ram", 12), ('a"x', "y"), ("name", None)):
        assert record.holds(as_field(name, value)), name
    for name, value in (("x", "y"), ("min_ram", 1), ("first", "11"), ("irst", "1")):
        assert not record.holds(as_field(name, value)), name
