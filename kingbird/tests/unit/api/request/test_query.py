"""Queries are read whole, or refused in words."""

from typing import Any

import pytest
import webob

from kingbird import exception
from kingbird.api.request import query
from kingbird.api.schemas.sync_jobs import queries as schema


def test_a_query_is_refused_by_its_names() -> None:
    request = webob.Request.blank("/?limit=1&marker=&%ff=1")
    with pytest.raises(exception.BadRequest, match='"limit", "marker", "\\\\ufffd"'):
        query.parse_pairs(request, [])


def test_a_query_that_names_nothing_is_refused_too() -> None:
    with pytest.raises(exception.BadRequest, match='"&&"'):
        query.parse_pairs(webob.Request.blank("/?&&"), ["limit"])


def test_a_query_is_read_in_its_order() -> None:
    request = webob.Request.blank("/?a=%C3%A4&b=&a=1+2")
    assert query.parse_pairs(request, ["a", "b"]) == [
        ("a", "\N{LATIN SMALL LETTER A WITH DIAERESIS}"),
        ("b", ""),
        ("a", "1 2"),
    ]


def test_known_parameters_are_named() -> None:
    with pytest.raises(exception.BadRequest, match='"c"; known here are a, b'):
        query.parse_pairs(webob.Request.blank("/?a=1&c=1"), ["a", "b"])


def test_no_query_is_fine() -> None:
    assert query.parse_pairs(webob.Request.blank("/?"), []) == []


def test_a_query_has_an_end() -> None:
    with pytest.raises(exception.BadRequest, match="4097 characters; it can have 4096"):
        query.parse_pairs(webob.Request.blank("/?a=" + "x" * 4095), ["a"])


def read(text: str) -> dict[str, Any]:
    return query.QueryParser(schema.JOBS).parse(webob.Request.blank(f"/?{text}"))


def test_values_have_types() -> None:
    marker = "AAAAAAAA000040008000000000000001"
    assert read(
        f"limit=007&marker={marker}&sort_dir=asc&status=SUCCESS,FAILURE&status=SUCCESS"
    ) == {
        "limit": 7,
        "marker": marker,
        "sort_dir": "asc",
        "status": ["SUCCESS", "FAILURE", "SUCCESS"],
    }
    assert read("limit=" + "9" * 4000)["limit"] > 2**63


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("limit=-1", 'limit is "-1"; it must be a whole number of at least 1'),
        ("limit=", 'limit is ""; it must be a whole number of at least 1'),
        ("marker=x", 'marker is "x"; it must be the id of the last job seen (a UUID)'),
        (
            "sort_key=x",
            'sort_key is "x"; it must be one of created_at, updated_at, sync_status, id',
        ),
        ("sort_dir=", 'sort_dir is ""; it must be one of asc, desc'),
        ("status=SUCCESS,x", 'status is "x"; it must be one of IN_PROGRESS, SUCCESS, '),
        ("status=SUCCESS&status=", 'status is ""; it must be one of'),
        ("status=" + ",".join(["SUCCESS"] * 33), "it must be a list of 32 states at most"),
        ("limit=1&limit=1", "limit can be given only once"),
        ("Limit=1", 'Unknown query parameter: "Limit"; known here are limit, marker, '),
    ],
)
def test_each_fault_is_named(text: str, sentence: str) -> None:
    with pytest.raises(exception.BadRequest) as caught:
        read(text)
    assert sentence in caught.value.message
    assert len(caught.value.message) < 300
