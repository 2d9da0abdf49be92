"""Entries of an answer come by the page as rows of the database do."""

import tracemalloc
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
import webob

from kingbird import exception
from kingbird.api.request import pagination
from kingbird.api.request.entry_order import Place
from kingbird.api.request.query import QueryParser
from kingbird.api.schemas.sync_jobs import queries as schema
from kingbird.db import api as db

IDS = [f"eeeeeeee-0000-4000-8000-00000000000{number}" for number in range(6)]


def entries() -> "Listed":
    """Return items as they are expected of a job that is not planned."""
    return Listed(
        {
            "id": item_id,
            "resource": resource,
            "source_region": "R1",
            "target_region": target,
            "sync_status": "IN_PROGRESS",
            "reason": None,
            "created_at": "2026-11-22T23:00:00.000000",
            "updated_at": "None",
        }
        for item_id, (target, resource) in zip(IDS, product("YX", "bca"), strict=True)
    )


class Listed(list[dict[str, Any]]):
    """Entries in a list."""

    def placed(self) -> Iterator[tuple[Place, dict[str, Any]]]:
        return (((0, 0, number), entry) for number, entry in enumerate(self))

    def entry(self, place: Place) -> dict[str, Any]:
        return self[place[2]]


def read(query: str, max_limit: int = 1000) -> pagination.Page:
    return page_of(webob.Request.blank(f"/list?{query}"), max_limit)


def page_of(request: webob.Request, max_limit: int = 1000) -> pagination.Page:
    return pagination.from_request(request, QueryParser(schema.ITEMS).parse(request), max_limit)


def walk(query: str, rows: Listed) -> list[list[str]]:
    """Follow the links from page to page."""
    request: webob.Request | None = webob.Request.blank(f"/list?{query}")
    found = []
    while request:
        page = page_of(request)
        (selected,) = page.read_entries(rows)
        shown, links = page.paginate(selected, lambda entry: entry["id"])
        found.append([entry["target_region"] + entry["resource"] for entry in shown])
        request = webob.Request.blank(links[0]["href"]) if links else None
    return found


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", "Yb Yc Ya Xb Xc Xa"),
        ("sort_dir=desc", "Xa Xc Xb Ya Yc Yb"),
        ("sort_key=created_at", "Yb Yc Ya Xb Xc Xa"),
        ("sort_key=resource", "Ya Xa Yb Xb Yc Xc"),
        ("sort_key=resource&sort_dir=desc", "Xc Yc Xb Yb Xa Ya"),
        ("sort_key=target_region", "Xb Xc Xa Yb Yc Ya"),
        ("sort_key=reason&sort_dir=desc", "Xa Xc Xb Ya Yc Yb"),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 4, 6, 7])
def test_all_entries_in_their_order(query: str, listed: str, limit: int) -> None:
    pages = walk(f"{query}&limit={limit}", entries())
    assert [name for page in pages for name in page] == listed.split()
    assert all(len(page) == limit for page in pages[:-1])


def test_every_order_is_one_of_entries_too() -> None:
    for key in db.pagination.ITEM_KEYS:
        assert sum(map(len, walk(f"sort_key={key}&limit=4", entries()))) == 6


def test_entries_in_other_states_are_left_out() -> None:
    assert walk("status=SUCCESS,FAILURE&limit=9", entries()) == [[]]
    assert len(walk("status=SUCCESS&status=IN_PROGRESS&limit=9", entries())[0]) == 6


def test_a_marker_that_no_entry_has() -> None:
    with pytest.raises(exception.BadRequest, match="marker names nothing"):
        next(read(f"marker={IDS[0][:-1]}9").read_entries(entries()))


@pytest.mark.parametrize("size", [1, 2, 4, 6, 7])
@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", "Yb Yc Ya Xb Xc Xa"),
        ("sort_key=resource", "Ya Xa Yb Xb Yc Xc"),
        (f"marker={IDS[2]}", "Xb Xc Xa"),
        (f"marker={IDS[5]}", ""),
        ("status=SUCCESS", ""),
    ],
)
def test_a_list_without_a_limit_is_whole(query: str, listed: str, size: int) -> None:
    page = read(query, max_limit=size)
    parts = [
        page.paginate(part, lambda entry: entry["id"]) for part in page.read_entries(entries())
    ]
    shown = [entry["target_region"] + entry["resource"] for part, _ in parts for entry in part]
    assert shown == listed.split()
    assert not any(links for _, links in parts)
    assert all(len(part) <= size for part, _ in parts)


@pytest.mark.parametrize(
    ("query", "reads"), [("", [None, 2, 5]), ("limit=9", [None]), ("limit=2", [None])]
)
def test_rows_are_read_after_the_last_one(query: str, reads: list[int | None]) -> None:
    """Not after its id: it may be deleted meanwhile."""
    rows, made = range(8), []

    def fetch(*, after: int | None, limit: int, **_: Any) -> list[int]:
        made.append(after)
        begin = 0 if after is None else after + 1
        return list(rows[begin : begin + limit])

    page = read(query, max_limit=3)
    parts = [page.paginate(part, str) for part in page.read(fetch)]
    assert made == reads
    shown = [row for part, _ in parts for row in part]
    assert shown == list(rows[: len(rows) if page.is_whole else page.limit])
    assert [bool(links) for _, links in parts] == [not page.is_whole] * len(parts)


def test_entries_are_made_as_far_as_they_are_shown() -> None:
    """A job that is not planned may expect a million of them."""

    class Endless(Listed):
        def __iter__(self) -> Iterator[dict[str, Any]]:
            while True:
                yield entries()[0]

    (part,) = read("limit=5").read_entries(Endless())
    assert len(part) == 6
    whole = read("", max_limit=5).read_entries(Endless())
    assert [len(next(whole)) for _ in range(3)] == [5, 5, 5]


class Many(Listed):
    """Makes entries, and counts how many of them are there at a time."""

    def __init__(self, number: int) -> None:
        self._number = number

    def placed(self) -> Iterator[tuple[Place, dict[str, Any]]]:
        return (((0, 0, n), self.entry((0, 0, n))) for n in range(self._number))

    def entry(self, place: Place) -> dict[str, Any]:
        name = f"{place[2] * 7919 % self._number:06}"
        return {**entries()[0], "id": name, "resource": name}


@pytest.mark.parametrize("query", ["", "limit=50"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_sorted_entries_are_not_held(query: str, direction: str) -> None:
    page = read(f"{query}&sort_key=resource&sort_dir={direction}", max_limit=50)
    tracemalloc.start()
    try:
        names = [int(part[-1]["resource"]) for part in page.read_entries(Many(20_000)) if part]
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    last = range(49, 20_000, 50) if page.is_whole else [50]
    assert names == [n if direction == "asc" else 19_999 - n for n in last]
    # All of them would take 10 MB.
    assert most < 1_000_000


@pytest.mark.parametrize(
    ("query", "limit"), [("", 7), ("limit=5", 5), ("limit=007", 7), ("limit=8", 7)]
)
def test_the_service_has_a_limit_of_its_own(query: str, limit: int) -> None:
    assert read(query, max_limit=7).limit == limit
    assert read("limit=" + "9" * 4000, max_limit=7).limit == 7
    assert read(query).is_whole == (not query)


@pytest.mark.parametrize("limit", ["0", "00", "-1", "+1", "1.0", "1e3", "", " 1", "x", "\u0663"])
def test_no_limits(limit: str) -> None:
    request = webob.Request.blank("/list")
    request.query_string = urlencode({"limit": limit})
    with pytest.raises(exception.BadRequest, match=r"limit is .* at least 1"):
        page_of(request)
