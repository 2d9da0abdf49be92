"""Bodies that no schema generates.  The API refuses them or stores a correct job.

Each response is one that the OpenAPI document promises (``conformance.py``), and never a 500.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import webob
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kingbird.db import api as db
from kingbird.tests.api.world import IMAGE, IMAGE_2, IN_TWO, PROJECT, World

JOBS = f"/v1.0/{PROJECT}/os-sync"
KNOWN = (IMAGE, IMAGE_2)

fuzz = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Post = Callable[..., webob.Response]


@pytest.fixture(scope="module")
def post() -> Iterator[Post]:
    """Return a function that posts bytes."""
    with World(max_request_body_size=1_000_000) as world:
        # Each example may store a job.
        world.conf.set_override("max_jobs_per_project", 0, group="sync")

        def call(body: bytes, content_type: str = "application/json") -> webob.Response:
            request = webob.Request.blank(JOBS, method="POST", body=body)
            request.headers["X-Auth-Token"] = "member"
            request.content_type = content_type
            response = request.get_response(world.application)
            assert response.status_int < 500, response.text
            if response.status_int != 200:
                error = response.json["error"]
                assert error["code"] == response.status_int
                assert error["message"].isascii()
                assert len(error["message"]) < 1000
            return response

        yield call


def stored(response: webob.Response) -> list[dict[str, Any]]:
    """Return the stored sets of a job."""
    assert response.status_int == 200, response.text
    job = db.jobs.get(PROJECT, response.json["job_status"]["id"], with_all_projects=True)
    assert job is not None
    return job.request


def body_of(**changes: Any) -> dict[str, Any]:
    """Return a valid request with other fields."""
    one = {
        "resource_type": "image",
        "resources": [IMAGE],
        "source": "RegionOne",
        "target": ["RegionTwo"],
        **changes,
    }
    return {"resource_set": one}


def packed(**changes: Any) -> bytes:
    return json.dumps(body_of(**changes)).encode()


# Refused bodies.


@fuzz
@given(st.integers(10, 3000), st.sampled_from(["[", '{"a":', '{"resource_set":', '[{"a":']))
def test_deep_nesting(post: Post, depth: int, opening: str) -> None:
    closing = "".join({"[": "]", "{": "}"}[each] for each in reversed(opening) if each in "[{")
    body = opening * depth + "1" + closing * depth
    assert post(body.encode()).status_int == 400
    assert post((opening * depth).encode()).status_int == 400


@fuzz
@given(
    st.sampled_from(["resource_type", "resources", "source", "target", "force", "filters"]),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "1e400", "-1e999", "9" * 5000, "0" * 500]),
    st.booleans(),
)
def test_numbers_that_are_none(post: Post, field: str, number: str, listed: bool) -> None:
    text = json.dumps(body_of(**{field: [0] if listed else 0}))
    mark = f'"{field}": {"[0]" if listed else "0"}'
    assert mark in text
    body = text.replace(mark, mark.replace("0", number))
    assert post(body.encode()).status_int == 400


@fuzz
@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_numbers_beyond_measure(post: Post, number: float, low: bool) -> None:
    name = "size_min" if low else "size_max"
    response = post(packed(resources=["*"], filters={name: number}))
    if response.status_int == 200:
        (one,) = stored(response)
        assert one["filters"] == {name: number}
        assert 0 <= number < 2**63
    else:
        assert f"filters.{name} is" in response.json["error"]["message"]


@fuzz
@given(
    st.sampled_from(
        [
            *("resource_type", "resources", "source", "target", "resource_set"),
            *("force", "filters", "on_drift"),
        ]
    ),
    st.booleans(),
)
def test_names_that_come_twice(post: Post, name: str, escaped: bool) -> None:
    filled = body_of(force=False, filters={}, on_drift="report", resources=["*"])
    text = json.dumps(filled)
    again = f'"\\u{ord(name[0]):04x}{name[1:]}"' if escaped else f'"{name}"'
    body = text.replace(f'"{name}": ', f'{again}: null, "{name}": ', 1)
    response = post(body.encode())
    assert response.status_int == 400
    assert f'The body has "{name}" twice in one object' in response.text.replace("\\", "")
    assert post(text.encode()).status_int == 200


@fuzz
@given(
    st.sampled_from(["source", "target", "resources", "owner", "name", "tag", "property"]),
    st.integers(0xD800, 0xDFFF),
    st.text(st.characters(codec="ascii"), max_size=3),
)
def test_halves_of_characters(post: Post, place: str, half: int, beside: str) -> None:
    text = beside + chr(half) + beside
    if place in ("source", "target", "resources"):
        body = packed(**{place: text if place == "source" else [text]})
    else:
        value = {text: text} if place == "property" else text
        body = packed(resources=["*"], filters={place: value})
    response = post(body)
    assert response.status_int == 400
    assert "half of a character" in response.json["error"]["message"]


@fuzz
@given(
    st.sampled_from(
        [
            *("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp037"),
            *("latin-1", "cp1252", "shift-jis"),
        ]
    ),
    st.text(max_size=10),
)
def test_other_encodings(post: Post, encoding: str, name: str) -> None:
    text = json.dumps(
        body_of(resources=["*"], filters={"name": f"\u00e9{name}"}), ensure_ascii=False
    )
    body = text.encode(encoding, "replace")
    response = post(body, f"application/json; charset={encoding}")
    if response.status_int == 200:
        # The bytes are valid UTF-8 too, and the API reads them as UTF-8.
        (one,) = stored(response)
        assert one["filters"] == json.loads(body.decode())["resource_set"]["filters"]
    else:
        assert response.status_int == 400


@fuzz
@given(
    st.sampled_from(["name", "tag", "owner", "name_prefix", "property"]),
    st.integers(0, 31) | st.integers(127, 159),
    st.booleans(),
)
def test_control_characters(post: Post, place: str, number: int, raw: bool) -> None:
    character = f"a{chr(number)}b"
    value: Any = {"os_distro": character} if place == "property" else character
    body = json.dumps(body_of(resources=["*"], filters={place: value}), ensure_ascii=not raw)
    # Glance can hold such texts, so a filter can select them.
    response = post(body.encode())
    assert response.status_int == 200
    assert json.dumps(character)[1:-1] in json.dumps(stored(response)[0]["filters"])


@fuzz
@given(
    st.sampled_from(["source", "target"]),
    st.integers(0, 31) | st.integers(127, 159),
    st.booleans(),
)
def test_control_characters_in_a_region(post: Post, place: str, number: int, raw: bool) -> None:
    body = json.dumps(body_of(**{place: [f"a{chr(number)}b"]}), ensure_ascii=not raw)
    response = post(body.encode())
    assert response.status_int == 400
    assert not any(ord(each) < 32 for each in response.json["error"]["message"])


@fuzz
@given(st.binary(max_size=100))
def test_bytes_within_a_text(post: Post, data: bytes) -> None:
    before, after = packed(resources=["*"], filters={"name": "MARK"}).split(b"MARK")
    assert post(before + data + after).status_int in (200, 400)


# Accepted bodies, which are stored in one spelling.


@fuzz
@given(
    st.lists(
        st.tuples(st.sampled_from(KNOWN), st.booleans(), st.booleans()), min_size=1, max_size=40
    )
)
def test_ids_in_any_spelling(post: Post, spelled: list[tuple[str, bool, bool]]) -> None:
    written = []
    for image_id, upper, dashes in spelled:
        text = image_id if dashes else image_id.replace("-", "")
        written.append(text.upper() if upper else text)
    (one,) = stored(post(packed(resources=written)))
    assert one["resources"] == list(dict.fromkeys(image_id for image_id, _, _ in spelled))


@pytest.mark.parametrize("count", [2000, 10_000])
def test_thousands_of_duplicates(post: Post, count: int) -> None:
    response = post(
        packed(resources=[IMAGE, IMAGE.upper()] * (count // 2), target=["RegionTwo"] * 99)
    )
    (one,) = stored(response)
    assert (one["resources"], one["targets"]) == ([IMAGE], ["RegionTwo"])


def test_one_more_than_thousands(post: Post) -> None:
    response = post(packed(resources=[IMAGE] * 10_001))
    assert response.status_int == 400
    assert response.json["error"]["message"] == (
        "resource_set.resources has 10001 entries; it can have 10000 ([api] max_resources)"
    )


@fuzz
@given(
    st.text(
        st.characters(min_codepoint=0x10000, exclude_categories=["Cs"]), min_size=1, max_size=50
    )
)
def test_characters_of_four_bytes(post: Post, text: str) -> None:
    filters = {"name": text, "tag": [text], "property": {text: text}, "owner": text}
    for ascii_only in (True, False):
        body = json.dumps(body_of(resources=["*"], filters=filters), ensure_ascii=ascii_only)
        (one,) = stored(post(body.encode()))
        assert one["filters"] == {
            "name": text,
            "tags": [text],
            "properties": {text: text},
            "owner": text,
        }
    unknown = post(packed(source=text))
    assert unknown.status_int == 400
    assert "known are RegionOne, RegionThree, RegionTwo" in unknown.json["error"]["message"]


@fuzz
@given(st.lists(st.sampled_from([IMAGE, IMAGE_2, IN_TWO]), min_size=1, max_size=100))
def test_sets_that_are_alike(post: Post, images: list[str]) -> None:
    one = body_of()["resource_set"]
    sets = [{**one, "resources": [each], "source": ["RegionOne", "RegionTwo"]} for each in images]
    body = {"resource_set": {"Sync": sets}}
    kept = stored(post(json.dumps(body).encode()))
    assert [each["resources"] for each in kept] == [[each] for each in images]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-yaml", "nonsense"])
def test_other_types_of_content(post: Post, content_type: str) -> None:
    """The published client sends JSON under various content types."""
    stored(post(packed(), content_type))


def test_ids_of_nothing(post: Post) -> None:
    missing = [str(uuid.uuid4()) for _ in range(300)]
    response = post(packed(resources=missing))
    assert response.status_int == 404
    assert "300 image(s) can't be found" in response.json["error"]["message"]
