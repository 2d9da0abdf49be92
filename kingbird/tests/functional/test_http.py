"""Responses to malformed requests over real HTTP, never with a 500."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from kingbird.tests.functional.kingbird_api import KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.waiting import PATIENCE

API = Callable[[Person], KingbirdAPI]

UNKNOWN = "0b1f7f9e-1d0c-4c7c-9a44-3a2f0f2b7c11"


def error_of(answer: requests.Response, code: int) -> str:
    """Check the form and the code of an error, and return its message."""
    assert answer.status_code == code, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "title", "message"}
    assert error["code"] == code
    message: str = error["message"]
    assert message
    return message


@pytest.mark.deployments("rabbit-mariadb", "standalone")
class TestDiscovery:
    @pytest.mark.parametrize("path", ["/", "/v1.0", "/v1.0/"])
    def test_needs_no_token(self, demo: Person, api: API, path: str) -> None:
        answer = api(demo).get(path)
        assert answer.status_code in (200, 300), answer.text
        assert "v1.0" in answer.text

    def test_as_keystoneauth_reads_it(self, cloud: Any, api: API) -> None:
        # The token has to be newer than this deployment, because a token holds the catalog.
        data = Person(cloud, "demo").session.get_endpoint_data(
            service_type="synchronization", region_name="RegionOne", min_version="1"
        )
        assert data is not None
        assert data.api_version == (1, 0)


class TestUnauthorized:
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    @pytest.mark.parametrize("token", ["", "nonsense"])
    def test_no_or_bad_token(self, demo: Person, api: API, method: str, token: str) -> None:
        path = f"/{UNKNOWN}" if method == "DELETE" else ""
        answer = api(demo).call(method, path, token=token, json={})
        assert answer.status_code == 401
        assert "WWW-Authenticate" in answer.headers

    def test_before_anything_else(self, demo: Person, api: API) -> None:
        answer = api(demo).call("POST", token="", data=b"x" * 10_000_000)
        assert answer.status_code == 401


GOOD = {
    "resource_type": "image",
    "resources": [UNKNOWN],
    "source": "RegionOne",
    "target": ["RegionTwo"],
}


def changed(**fields: Any) -> dict[str, Any]:
    """Return a request with some fields changed.  ``None`` removes a field."""
    merged = {**GOOD, **fields}
    return {"resource_set": {name: value for name, value in merged.items() if value is not None}}


#: One body for each place that refuses bodies.  Unit tests try all variants.
BAD_BODIES: list[tuple[Any, str]] = [
    ([], "object"),
    ({"resource_set": {"Sync": [GOOD, {}]}}, "Sync[1]"),
    (changed(resources=[UNKNOWN, "no-uuid"]), "resources[1]"),
    (changed(source="regionone"), "regionone"),
    (changed(target=["RegionOne"]), "RegionOne"),
]

BAD_BYTES = [
    b"",
    b"{",
    b"resource_set: {}",
    b"{'resource_set': {}}",
    b'{"resource_set": NaN}',
    b"\xff\xfe{}",
    b"\x00",
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"resource_set": ' + b"9" * 5_000 + b"}",
    b'{"resource_set": {"resources": ["\\ud800"]}}',
]


class TestBadRequest:
    @pytest.mark.parametrize(("body", "named"), BAD_BODIES)
    def test_bodies(self, demo: Person, api: API, body: Any, named: str) -> None:
        before = len(api(demo).jobs())
        assert named in error_of(api(demo).call("POST", data=json.dumps(body)), 400)
        assert len(api(demo).jobs()) == before

    @pytest.mark.parametrize("body", BAD_BYTES, ids=range(len(BAD_BYTES)))
    def test_bytes(self, demo: Person, api: API, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        error_of(api(demo).call("POST", data=body, headers=headers), 400)

    @pytest.mark.parametrize("content_type", ["text/plain", "nonsense"])
    def test_content_types(self, demo: Person, api: API, content_type: str) -> None:
        answer = api(demo).call("POST", data=b"{", headers={"Content-Type": content_type})
        assert answer.status_code in (400, 415), answer.text

    @pytest.mark.parametrize("path", ["/no-uuid", "/%00", "/%ff", "/..%2f", "/'%20or%201=1"])
    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_job_ids(self, demo: Person, api: API, path: str, method: str) -> None:
        answer = api(demo).call(method, path)
        assert answer.status_code in (400, 404), answer.text

    def test_project_ids(self, demo: Person, api: API) -> None:
        error_of(api(demo).call("GET", project="no-uuid"), 400)

    def test_no_engine_gets_a_message(self, demo: Person, api: API) -> None:
        assert UNKNOWN in error_of(api(demo).post(GOOD), 404)


class TestNotFound:
    def test_jobs(self, demo: Person, api: API) -> None:
        for method in ("GET", "DELETE"):
            error_of(api(demo).call(method, f"/{uuid.uuid4()}"), 404)

    def test_images_that_the_caller_cant_see(self, demo: Person, other: Person, api: API) -> None:
        ours = demo.make("RegionOne")["id"]
        private = other.make("RegionOne", visibility="private")["id"]
        elsewhere = demo.make("RegionTwo")["id"]
        message = error_of(api(demo).post(sync(ours, private, elsewhere)), 404)
        assert private in message
        assert elsewhere in message
        assert ours not in message

    def test_an_image_in_any_of_the_sources_is_there(self, demo: Person, api: API) -> None:
        image = demo.make("RegionTwo")["id"]
        wanted = sync(image, source=["RegionOne", "RegionTwo"], target="RegionThree")
        assert api(demo).post(wanted).status_code == 200

    @pytest.mark.parametrize("path", ["/", "/v2.0", "/v1.0/x", "/v1.0/{p}/os-syn", "/v1.0/{p}"])
    def test_paths(self, demo: Person, api: API, path: str) -> None:
        answer = requests.post(
            f"{api(demo).url}{path.format(p=demo.project_id)}",
            headers={"X-Auth-Token": demo.token},
            json={},
            timeout=PATIENCE,
        )
        assert answer.status_code in (400, 404, 405), answer.text

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "NONSENSE"])
    def test_methods(self, demo: Person, api: API, method: str) -> None:
        assert api(demo).call(method, json={}).status_code in (400, 404, 405, 501)


class TestTooLarge:
    def test_ten_megabytes(self, demo: Person, api: API) -> None:
        body = json.dumps(changed(resources=[UNKNOWN] * 256_000))
        assert len(body) > 10_000_000
        answer = api(demo).call("POST", data=body, headers={"Content-Type": "application/json"})
        error_of(answer, 413)

    def test_without_a_length(self, demo: Person, api: API) -> None:
        chunks = (b" " * 65536 for _ in range(160))
        answer = api(demo).call("POST", data=chunks)
        error_of(answer, 413)

    def test_many_images_are_not_too_large(self, demo: Person, api: API) -> None:
        ids = [str(uuid.uuid4()) for _ in range(2000)]
        assert ids[0] in error_of(api(demo).post({**GOOD, "resources": ids}), 404)


@pytest.mark.deployments("rabbit-mariadb", "standalone")
class TestSlashes:
    @pytest.mark.parametrize(
        "path", ["/v1.0/{p}/os-sync/", "/v1.0//{p}/os-sync", "/v1.0//{p}/os-sync/"]
    )
    def test_make_no_difference(self, demo: Person, api: API, path: str) -> None:
        url = f"{api(demo).url}{path.format(p=demo.project_id)}"
        headers = {"X-Auth-Token": demo.token}
        answer = requests.get(url, headers=headers, timeout=PATIENCE, allow_redirects=False)
        assert answer.status_code == 200
        assert "job_set" in answer.json()
        answer = requests.post(
            url, headers=headers, json={}, timeout=PATIENCE, allow_redirects=False
        )
        error_of(answer, 400)

    def test_a_project_id_with_dashes(self, demo: Person, api: API) -> None:
        dashed = str(uuid.UUID(demo.project_id))
        assert api(demo).call("GET", project=dashed).status_code == 200
