"""What came over the wire is read whole, or refused in words."""

import io
import json
import uuid

import pytest
import webob
from hypothesis import given
from hypothesis import strategies as st

from kingbird import exception
from kingbird.api import validation
from kingbird.api.schemas import sync_jobs as schema
from kingbird.tests.unit.api.conftest import request_body

LIMIT = 1000

CREATE = validation.Schema(schema.CREATE)

#: Fields of a set that can be left out.
OPTIONS = ("force", "filters", "all_projects", "dry_run", "on_drift", "prune")

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.uuids(), st.booleans(), st.booleans())
def test_uuids_have_one_spelling(value: uuid.UUID, dashes: bool, upper: bool) -> None:
    text = str(value) if dashes else value.hex
    assert validation.dashed(text.upper() if upper else text) == str(value)


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
    with pytest.raises(ValueError, match="no UUID"):
        validation.dashed(text)


class Dripping(io.BytesIO):
    """Gives a few bytes at a time, as a socket may, and counts them."""

    given = 0

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(min(7, size if size is not None and size >= 0 else 7))
        self.given += len(chunk)
        return chunk


def read(stream: io.BytesIO, length: str | None, *, terminated: bool = False) -> bytes:
    environ = webob.Request.blank("/", method="POST").environ
    environ["wsgi.input"] = stream
    environ.pop("CONTENT_LENGTH", None)
    if length is not None:
        environ["CONTENT_LENGTH"] = length
    if terminated:
        environ["wsgi.input_terminated"] = True
    return validation.read_body(webob.Request(environ), LIMIT)


def test_a_body_is_read_as_long_as_it_says() -> None:
    assert read(Dripping(b"x" * LIMIT + b"next request"), str(LIMIT)) == b"x" * LIMIT


def test_a_body_in_chunks_is_read_to_its_end() -> None:
    assert read(Dripping(b"x" * LIMIT), None, terminated=True) == b"x" * LIMIT


def test_no_length_and_no_end_is_no_body() -> None:
    stream = Dripping(b"x")
    assert read(stream, None) == b""
    assert stream.given == 0


@pytest.mark.parametrize("length", ["", "0", "-1"])
def test_no_length_is_no_body(length: str) -> None:
    assert read(Dripping(b"x"), length) == b""


@pytest.mark.parametrize(
    ("size", "length", "terminated"),
    [
        (LIMIT + 1, str(LIMIT + 1), False),
        (LIMIT + 1, None, True),
        # A length beside chunks may be a lie.
        (LIMIT + 1, "1", True),
        (LIMIT * 1000, str(LIMIT * 1000), False),
        (LIMIT * 1000, None, True),
        # Less than it says comes, but it says too much.
        (1, str(LIMIT * 1000), False),
    ],
)
def test_a_body_that_is_too_large(size: int, length: str | None, terminated: bool) -> None:
    stream = Dripping(b"x" * size)
    with pytest.raises(exception.RequestTooLarge, match="larger than 1000 bytes"):
        read(stream, length, terminated=terminated)
    assert stream.given <= LIMIT * validation.DRAINED


def test_a_body_that_breaks_off() -> None:
    with pytest.raises(exception.BadRequest, match="shorter than Content-Length"):
        read(Dripping(b"x"), "2")


def test_a_length_that_is_no_number() -> None:
    with pytest.raises(exception.BadRequest, match="Content-Length"):
        read(Dripping(b"x"), "many")


def test_a_connection_that_breaks() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("reset by peer")

    with pytest.raises(exception.BadRequest, match="can't be read"):
        read(Broken(), "5")


@given(st.binary(max_size=200))
def test_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        value = validation.parse(body)
    except exception.BadRequest as error:
        json.dumps(error.message).encode("ascii")
    else:
        assert json.loads(body) == value


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\xff\xfe{\x00}\x00", "not in UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b"[" * 100_000, "too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "too deeply"),
        (b"[" * 17 + b"]" * 17, "too deeply"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "too deeply"),
        (b"1" * 5000, "not JSON"),
    ],
)
def test_bodies_that_are_refused(body: bytes, words: str) -> None:
    with pytest.raises(exception.BadRequest, match=words):
        validation.parse(body)


def test_what_is_said_twice_counts_as_it_was_said_last() -> None:
    assert validation.parse(b'{"a": 1, "a": 2}') == {"a": 2}


def complaint(value: object) -> str | None:
    """Return what is wrong with a body, if anything."""
    try:
        CREATE.check(value)
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
        assert "must be" in message or "is unknown" in message
        assert len(message) < 500


@given(st.text().filter(lambda name: name not in request_body()["resource_set"]))
def test_what_is_unknown_is_named(name: str) -> None:
    if name in ("Sync", *OPTIONS):
        return
    body = request_body(**{name: 1})
    with pytest.raises(exception.BadRequest) as caught:
        CREATE.check(body)
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
    CREATE.check(body)
    common = {
        "resource_type": "image",
        "resources": ["aaaaaaaa-0000-4000-8000-000000000001"],
        "targets": ["RegionTwo"],
        "all_projects": False,
        "dry_run": False,
        "on_drift": "report",
        "prune": False,
        "filters": {},
    }
    one, two = ["RegionOne"], ["RegionTwo", "RegionOne"]
    assert schema.sets_of(body) == {
        "resource_set.Sync[0]": {**common, "sources": one, "preferred": one, "force": True},
        "resource_set.Sync[1]": {**common, "sources": two, "preferred": two, "force": False},
    }


@pytest.mark.parametrize(
    ("value", "forced"),
    [(None, False), (False, False), ("False", False), (True, True), ("True", True)],
)
def test_words_for_force(value: object, forced: bool) -> None:
    body = request_body(force=value)
    CREATE.check(body)
    assert schema.sets_of(body)["resource_set"]["force"] is forced


@pytest.mark.parametrize("value", ["true", "TRUE", "false", "", 0, 1, 1.0, [], {}, [True]])
def test_no_other_words_for_force(value: object) -> None:
    with pytest.raises(exception.BadRequest, match=r"^resource_set\.force is "):
        CREATE.check(request_body(force=value))


def test_a_query_is_refused_by_its_names() -> None:
    request = webob.Request.blank("/?limit=1&marker=&%ff=1")
    with pytest.raises(exception.BadRequest, match='"limit", "marker", "\\\\ufffd"'):
        validation.query(request)


def test_a_query_that_names_nothing_is_refused_too() -> None:
    with pytest.raises(exception.BadRequest, match='"&&"'):
        validation.query(webob.Request.blank("/?&&"), ["limit"])


def test_a_query_is_read_in_its_order() -> None:
    request = webob.Request.blank("/?a=%C3%A4&b=&a=1+2")
    assert validation.query(request, ["a", "b"]) == [
        ("a", "\N{LATIN SMALL LETTER A WITH DIAERESIS}"),
        ("b", ""),
        ("a", "1 2"),
    ]


def test_what_is_known_is_told() -> None:
    with pytest.raises(exception.BadRequest, match='"c"; known here are a, b'):
        validation.query(webob.Request.blank("/?a=1&c=1"), ["a", "b"])


def test_no_query_is_fine() -> None:
    assert validation.query(webob.Request.blank("/?")) == []
