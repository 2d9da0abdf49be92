"""Requests are what their schema says, or refused in words."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird import exception
from kingbird.api.request import validation
from kingbird.api.schemas import formats
from kingbird.api.schemas import sync_jobs as schema
from kingbird.api.schemas.limits import RequestLimits
from kingbird.tests.unit.api.conftest import request_body

BOUNDS = RequestLimits(sets=3, resources=5, regions=4)

CREATE = validation.Schema(schema.create(BOUNDS))

#: Fields of a set that can be left out.
OPTIONS = ("force", "filters", "all_projects", "dry_run", "on_drift", "prune", "same_name", "data")

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.uuids(), st.booleans(), st.booleans())
def test_uuids_have_one_spelling(value: uuid.UUID, dashes: bool, upper: bool) -> None:
    text = str(value) if dashes else value.hex
    assert formats.normalize_uuid(text.upper() if upper else text) == str(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "{aaaaaaaa-0000-4000-8000-000000000001}",
        "urn:uuid:aaaaaaaa-0000-4000-8000-000000000001",
        "aaaaaaaa-0000-4000-8000-000000000001\n",
        " aaaaaaaa-0000-4000-8000-000000000001",
        "aaaaaaaa-00004000-8000-000000000001",
        "aaaaaaaa-0000-4000-8000-00000000000",
        "aaaaaaaa-0000-4000-8000-0000000000001",
        "gaaaaaaa-0000-4000-8000-000000000001",
        "aaaaaaaa-0000-4000-8000-00000000000\u0661",
    ],
)
def test_other_texts_are_no_uuids(text: str) -> None:
    with pytest.raises(ValueError, match="not a UUID"):
        formats.normalize_uuid(text)


def complaint(value: object) -> str | None:
    """Return what is wrong with a body, if anything."""
    try:
        CREATE.validate(value)
    except exception.BadRequest as error:
        return error.message
    return None


@given(any_json)
def test_any_json_is_a_request_or_refused(value: object) -> None:
    assert len(complaint(value) or "") < 500


@given(
    st.sampled_from(["resource_type", "resources", "source", "target", *OPTIONS]),
    any_json,
    st.booleans(),
)
def test_what_is_wrong_is_named(field: str, value: object, several: bool) -> None:
    body = request_body()
    body["resource_set"][field] = value
    path = f"resource_set.{field}"
    if several:
        body = {"resource_set": {"Sync": [*request_body().values(), *body.values()]}}
        path = f"resource_set.Sync[1].{field}"
    message = complaint(body)
    if message is None:
        # Only these can be right.
        assert field in ("source", "target", "force", "all_projects", "dry_run", "prune")
    else:
        assert message.startswith(path)
        assert "must be" in message or "is unknown" in message or "it can have" in message
        assert len(message) < 500


@given(st.text().filter(lambda name: name not in request_body()["resource_set"]))
def test_what_is_unknown_is_named(name: str) -> None:
    if name in ("Sync", *OPTIONS):
        return
    body = request_body(**{name: 1})
    with pytest.raises(exception.BadRequest) as caught:
        CREATE.validate(body)
    assert caught.value.message.startswith(f"resource_set.{name[:80]}".strip("."))


def test_what_is_unknown_is_named_in_short() -> None:
    assert len(complaint(request_body(**{"x" * 100_000: 1})) or "") < 500


def test_sets_are_stored_in_one_spelling() -> None:
    one = request_body(
        resources=["AAAAAAAA000040008000000000000001", "aaaaaaaa-0000-4000-8000-000000000001"],
        source="RegionOne",
        target=["RegionTwo", "RegionTwo"],
        force="True",
    )["resource_set"]
    two = request_body(source=["RegionTwo", "RegionOne", "RegionTwo"])["resource_set"]
    body = {"resource_set": {"Sync": [one, two]}}
    CREATE.validate(body)
    common = {
        "resource_type": "image",
        "resources": ["aaaaaaaa-0000-4000-8000-000000000001"],
        "targets": ["RegionTwo"],
        "all_projects": False,
        "dry_run": False,
        "on_drift": "report",
        "prune": False,
        "same_name": "report",
        "data": "none",
        "members": "create",
        "on_orphan": "report",
        "orphan_limit": 0,
        "filters": {},
    }
    one, two = ["RegionOne"], ["RegionTwo", "RegionOne"]
    assert schema.normalize_sets(body, BOUNDS) == {
        "resource_set.Sync[0]": {**common, "sources": one, "preferred": one, "force": True},
        "resource_set.Sync[1]": {**common, "sources": two, "preferred": two, "force": False},
    }


@pytest.mark.parametrize(
    ("value", "forced"),
    [(None, False), (False, False), ("False", False), (True, True), ("True", True)],
)
def test_words_for_force(value: object, forced: bool) -> None:
    body = request_body(force=value)
    CREATE.validate(body)
    assert schema.normalize_sets(body, BOUNDS)["resource_set"]["force"] is forced


@pytest.mark.parametrize("value", ["true", "TRUE", "false", "", 0, 1, 1.0, [], {}, [True]])
def test_no_other_words_for_force(value: object) -> None:
    with pytest.raises(exception.BadRequest, match=r"^resource_set\.force is "):
        CREATE.validate(request_body(force=value))


ID = "aaaaaaaa-0000-4000-8000-{:012}"


def several(*resources: int) -> dict[str, object]:
    """Return a body of sets that name so many images."""
    sets = [
        request_body(resources=[ID.format(number) for number in range(count)])["resource_set"]
        for count in resources
    ]
    return {"resource_set": {"Sync": sets}}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            request_body(resources=[ID.format(number) for number in range(6)]),
            "resource_set.resources has 6 entries; it can have 5 ([api] max_resources)",
        ),
        (
            request_body(resources=["no id"] * 6),
            "resource_set.resources has 6 entries; it can have 5 ([api] max_resources)",
        ),
        (
            request_body(source=["RegionOne"] * 5),
            "resource_set.source has 5 entries; it can have 4 ([api] max_regions)",
        ),
        (
            request_body(target=["RegionTwo"] * 5),
            "resource_set.target has 5 entries; it can have 4 ([api] max_regions)",
        ),
        (
            several(1, 1, 1, 1),
            "resource_set.Sync has 4 entries; it can have 3 ([api] max_sets)",
        ),
        (
            several(2, 2, 2),
            "The sets in resource_set.Sync have 6 entries in their resources; together they can "
            "have 5 ([api] max_resources)",
        ),
        (
            request_body(source="x" * 256),
            f'resource_set.source is "{"x" * 76}... with its 256 characters; it must be the name '
            'of a region, or a list of at least one such name, or "*"',
        ),
        (
            request_body(target=["x" * 256]),
            f'resource_set.target[0] is "{"x" * 76}... with its 256 characters; it must be the '
            "name of a region, 1 to 255 characters",
        ),
    ],
)
def test_bounds_are_named(body: dict[str, object], sentence: str) -> None:
    def read() -> None:
        CREATE.validate(body)
        schema.normalize_sets(body, BOUNDS)

    with pytest.raises(exception.BadRequest) as caught:
        read()
    assert caught.value.message == sentence


def test_what_is_just_within_the_bounds() -> None:
    body = several(2, 2, 1)
    CREATE.validate(body)
    assert len(schema.normalize_sets(body, BOUNDS)) == 3
