"""Filters and options of a set, in the one spelling that is stored."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird import exception
from kingbird.api.schemas import formats
from kingbird.api.schemas import sync_jobs as schema
from kingbird.tests.unit.api.conftest import request_body
from kingbird.tests.unit.api.request.test_validation import BOUNDS, CREATE, any_json


def stored(**changes: Any) -> Any:
    """Return a set as it is stored, or raise."""
    body = request_body(resources=["*"], **changes)
    CREATE.validate(body)
    return schema.normalize_sets(body, BOUNDS)["resource_set"]


def filters(**given_filters: Any) -> dict[str, Any]:
    """Return filters as they are stored, or raise."""
    kept: dict[str, Any] = stored(filters=given_filters)["filters"]
    return kept


def complaint(name: str, value: Any) -> str | None:
    """Return what is wrong with a filter, if anything."""
    try:
        assert len(filters(**{name: value})) == 1
    except exception.BadRequest as error:
        return error.message
    return None


def test_nothing_is_stored_that_is_not_given() -> None:
    assert filters() == {}
    assert stored()["filters"] == {}


def test_all_filters() -> None:
    assert filters(
        visibility="shared",
        owner="A1111111-2222-3333-4444-555555555555",
        name="cirros",
        name_prefix="cir",
        tag="blue",
        property={"os_distro": "cirros"},
        size_min=0,
        size_max=2**63 - 1,
        updated_since="2026-11-22T23:00:00",
        status="active",
    ) == {
        "visibility": "shared",
        "owner": "a1111111222233334444555555555555",
        "name": "cirros",
        "name_prefix": "cir",
        "tags": ["blue"],
        "properties": {"os_distro": "cirros"},
        "size_min": 0,
        "size_max": 2**63 - 1,
        "updated_since": "2026-11-22T23:00:00Z",
        "statuses": ["active"],
    }


def test_lists_name_everything_once() -> None:
    kept = filters(tag=["b", "a", "b"], status=["queued", "active", "queued"])
    assert kept == {"tags": ["b", "a"], "statuses": ["queued", "active"]}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("A" * 32, "a" * 32),
        ("LDAP-Project", "LDAP-Project"),
        ("a" * 255, "a" * 255),
    ],
)
def test_owners(written: str, kept: str) -> None:
    assert filters(owner=written) == {"owner": kept}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-11-22T23:00:00Z", "2026-11-22T23:00:00Z"),
        ("2026-11-22t23:00:00z", "2026-11-22T23:00:00Z"),
        ("2026-11-22 23:00", "2026-11-22T23:00:00Z"),
        ("2026-11-22T23:00:00.999999", "2026-11-22T23:00:00Z"),
        ("2026-11-22T23:00:00,5", "2026-11-22T23:00:00Z"),
        ("2026-11-22T23:00:00+01:30", "2026-11-22T21:30:00Z"),
        ("2026-11-22T23:00:00-0200", "2026-11-23T01:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("2026-11-22", "2026-11-22T00:00:00Z"),
        ("20261122", "2026-11-22T00:00:00Z"),
        ("20261122T230000Z", "2026-11-22T23:00:00Z"),
        ("20261122T2300+0100", "2026-11-22T22:00:00Z"),
        ("2026-11-22T23", "2026-11-22T23:00:00Z"),
        ("2026-11-22T23:00:00.999999999Z", "2026-11-22T23:00:00Z"),
        (f"2026-11-22T23:00:00.{'9' * 5000}Z", "2026-11-22T23:00:00Z"),
        (f"2026-11-22T24:00:00.{'0' * 5000}Z", "2026-11-23T00:00:00Z"),
        ("2026-11-22T23:00:00-02", "2026-11-23T01:00:00Z"),
        ("2026-W47-7T23:00:00", "2026-11-22T23:00:00Z"),
        ("2026-326", "2026-11-22T00:00:00Z"),
        ("2026-11-22T24:00:00Z", "2026-11-23T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ("2017-01-01T05:29:60+05:30", "2016-12-31T23:59:59Z"),
    ],
)
def test_moments(written: str, kept: str) -> None:
    assert filters(updated_since=written) == {"updated_since": kept}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-1122",
        f"2026-11-22T24:00:00.{'0' * 5000}1Z",
        "2026-11",
        "2026-11-22T",
        "2026-11-22Z",
        "2026-366",
        "9999-366",
        "2026-000",
        "0000-01-01",
        "2026-W54-1",
        "2026-11-22T24:00:01Z",
        "2026-11-22T23:00:60Z",
        "2026-13-22T23:00:00Z",
        "2026-11-22T23:00:00Z ",
        "2026-11-22T23:00:00+99:00",
        "2026-11-22T23:00:00Z\n",
        "\u0662026-11-22T23:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_no_moments(text: str) -> None:
    with pytest.raises(exception.BadRequest, match=r"filters\.updated_since is .* ISO 8601"):
        filters(updated_since=text)


@given(st.datetimes(timezones=st.timezones() | st.none()))
def test_moments_of_any_day_are_read_or_refused(moment: Any) -> None:
    try:
        kept = filters(updated_since=moment.isoformat())["updated_since"]
    except exception.BadRequest:
        # A day of whose zone UTC has none, or a zone that is off by seconds.
        assert moment.utcoffset()
    else:
        assert len(kept) == len("2026-11-22T23:00:00Z")
        assert formats.normalize_datetime(kept) == kept


def test_numbers_are_stored_as_such() -> None:
    kept = filters(size_min=5.0, size_max=1e3)
    assert kept == {"size_min": 5, "size_max": 1000}
    assert all(isinstance(size, int) for size in kept.values())


@pytest.mark.parametrize(
    "size", [-1, 2**63, 1e19, 10**400, float("inf"), float("nan"), True, "5", None, 0.5]
)
def test_no_sizes(size: Any) -> None:
    with pytest.raises(exception.BadRequest, match=r"filters\.size_min is "):
        filters(size_min=size)


def test_sizes_that_leave_nothing() -> None:
    with pytest.raises(exception.BadRequest, match=r"size_min is 9223372036854775807; .* is 0"):
        filters(size_min=2**63 - 1, size_max=0)


@pytest.mark.parametrize("name", ["owner", "name", "name_prefix", "tag"])
@pytest.mark.parametrize("text", ["x" * 256, 5, None])
def test_texts_that_no_image_has(name: str, text: Any) -> None:
    with pytest.raises(
        exception.BadRequest, match=rf"^resource_set\.filters\.{name} is "
    ) as caught:
        filters(**{name: text})
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("name", ["", "x" * 256])
def test_names_that_no_property_has(name: str) -> None:
    with pytest.raises(
        exception.BadRequest, match=r"^resource_set\.filters\.property is "
    ) as caught:
        filters(property={name: "x"})
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("text", ["a\0", "\n", "\x1b[31m", "\x7f", "\x85"])
def test_control_characters_that_glance_holds(text: str) -> None:
    kept = filters(owner=text, name=text, name_prefix=text, tag=text, property={text: text})
    assert kept == {
        "owner": text,
        "name": text,
        "name_prefix": text,
        "tags": [text],
        "properties": {text: text},
    }


@pytest.mark.parametrize(
    ("moment", "cause"),
    [
        ("2026-02-30", "the calendar has no such day"),
        ("2026-11-22T25:00", "the clock has no such time"),
        ("2026-11-22T23:00:60", "the clock has no such time"),
        ("2026-11-22T23:00+24:00", "there is no such time zone"),
        ("9999-12-31T23:59:59-00:01", "in UTC it is beyond the years 1 to 9999"),
    ],
)
def test_the_cause_is_named(moment: str, cause: str) -> None:
    with pytest.raises(exception.BadRequest, match=f"; {cause}$"):
        filters(updated_since=moment)


def test_a_region_with_a_control_character_hears_of_it() -> None:
    with pytest.raises(exception.BadRequest, match=r"; it holds a control character$"):
        stored(source="a\nb")


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%G-W%V-%u", "%GW%V%u", "%Y-%j", "%Y%j"]),
    st.sampled_from(["T%H:%M:%S", " %H%M%S", "t%H:%M", "T%H"]),
    st.text("0123456789", max_size=30),
    st.none() | st.integers(-1439, 1439),
)
def test_moments_are_those_of_datetime(
    moment: datetime, day: str, time: str, fraction: str, zone: int | None
) -> None:
    # strftime does not pad years on every platform.
    year = moment.isocalendar().year if "%G" in day else moment.year
    text = moment.strftime(day.replace("%G", f"{year:04}").replace("%Y", f"{year:04}") + time)
    kept = moment.replace(microsecond=0)
    if "%S" not in time:
        kept = kept.replace(second=0)
    elif fraction:
        text += f".{fraction}"
    if "%M" not in time:
        kept = kept.replace(minute=0)
    if zone is not None:
        text += f"{'-' if zone < 0 else '+'}{abs(zone) // 60:02}:{abs(zone) % 60:02}"
        kept -= timedelta(minutes=zone)
    assert filters(updated_since=text) == {"updated_since": kept.isoformat() + "Z"}


def test_characters_of_four_bytes_are_as_good_as_others() -> None:
    assert filters(name="\N{BIRD}", property={"\N{BIRD}": "\N{BIRD}"})["name"] == "\N{BIRD}"


@given(
    st.sampled_from(
        [
            *("visibility", "owner", "name", "name_prefix", "tag", "property"),
            *("size_min", "size_max", "updated_since", "status", "colour"),
        ]
    ),
    any_json,
)
def test_any_json_is_a_filter_or_refused(name: str, value: Any) -> None:
    message = complaint(name, value)
    if message:
        assert message.startswith(f"resource_set.filters.{name}")
        assert len(message) < 500


def test_sources_in_the_order_of_the_request() -> None:
    kept = stored(source=["R3", "*", "R1", "R3"], target="*")
    assert kept["sources"] == ["R3", "*", "R1"]
    assert kept["preferred"] == ["R3", "R1"]
    assert kept["targets"] == ["*"]
    assert stored(source="*")["preferred"] == []


@pytest.mark.parametrize("name", ["all_projects", "dry_run", "prune"])
@pytest.mark.parametrize(
    ("value", "kept"),
    [(None, False), (False, False), ("False", False), (True, True), ("True", True)],
)
def test_words_for_options(name: str, value: Any, kept: bool) -> None:
    assert stored(on_drift="update", **{name: value})[name] is kept


def test_drift_is_reported_by_default() -> None:
    assert stored()["on_drift"] == "report"
    assert stored(on_drift="update")["on_drift"] == "update"


def test_same_names_are_reported_unless_they_are_to_be_skipped() -> None:
    assert stored()["same_name"] == "report"
    assert stored(same_name="skip")["same_name"] == "skip"


def test_every_field_says_what_it_can_be() -> None:
    """Messages are made of it."""

    def look(part: Any, path: str) -> None:
        if not isinstance(part, dict):
            return
        for name, field in part.get("properties", {}).items():
            if "const" not in field:
                assert field.get("description"), f"{path}.{name}"
            look(field, f"{path}.{name}")
        for name in ("items", "if", "then", "else", "additionalProperties", "propertyNames"):
            look(part.get(name), path)
        for one in part.get("allOf", ()):
            look({**one, "if": None}, path)

    look(schema.create(BOUNDS), "")
