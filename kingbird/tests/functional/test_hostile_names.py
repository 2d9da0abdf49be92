"""Names in a request stay names and never become part of a URL or of a log line."""

import json
import uuid
from collections.abc import Callable, Iterator

import pytest

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person, unique
from kingbird.tests.functional.proxy import Answer, Call, Proxy

API = Callable[[Person], KingbirdAPI]

FORGED = "2026-11-23 10:00:00.000 1 INFO kingbird.api.jobs.create [-] Job forged"
#: Characters that end a line or move a terminal's cursor.
BREAKS = ["\n", "\r\n", "\r", "\x85", "\u2028", "\x1b[1A\x1b[2K"]

REGIONS = [
    "../",
    "RegionOne/../../v3/users",
    "evil.example/",
    "http://evil.example/",
    "//evil.example",
    "user@evil.example:80",
    "RegionOne#",
    "RegionOne?x=y",
    "RegionOne%2f..%2f",
    "RegionOne\\",
    "127.0.0.1",
    " RegionOne",
    "RegionOne ",
    "{region}",
]
JOBS = [
    "/..%2f..%2fv3%2fauth%2ftokens",
    "/%2e%2e/%2e%2e/v3/users",
    "/http:%2f%2fevil.example",
    "/%2f%2fevil.example%2f",
    "/active%2f..%2f..",
    "/%0d%0aHost:%20evil.example",
    "/{id}%2f..%2f{id}",
    "/{id};x=y",
    "/{id}%3fx=y",
    "/{id}%00",
    "/{id}/../..",
    "/{id}@evil.example",
]


@pytest.fixture
def quiet(glances: dict[str, Proxy], deployment: Deployment, demo: Person) -> Iterator[None]:
    """Fail if Kingbird makes any call meanwhile, except for the validation of the token."""
    # Keystone has validated this token already.
    KingbirdAPI(deployment.url, demo).jobs()
    before = {name: len(proxy.calls) for name, proxy in glances.items()}
    with deployment.keystone.recording() as calls:
        yield
    assert before == {name: len(proxy.calls) for name, proxy in glances.items()}
    asked = {(call.method, call.path) for call in calls}
    assert asked <= {("GET", "/v3/auth/tokens"), ("POST", "/v3/auth/tokens")}


@pytest.mark.usefixtures("quiet")
class TestNobodyIsAsked:
    @pytest.mark.parametrize("field", ["source", "target"])
    @pytest.mark.parametrize("region", [*REGIONS, *(f"RegionOne{end}" for end in BREAKS)])
    def test_regions(self, demo: Person, api: API, region: str, field: str) -> None:
        for wanted in (sync(str(uuid.uuid4())), wildcard()):
            answer = api(demo).post({**wanted, field: [region]})
            assert answer.status_code == 400, answer.text
            assert field in answer.json()["error"]["message"]

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    @pytest.mark.parametrize("path", JOBS)
    def test_jobs(self, demo: Person, api: API, path: str, method: str) -> None:
        answer = api(demo).call(method, path.replace("{id}", str(uuid.uuid4())))
        assert answer.status_code in (400, 404, 405), answer.text

    @pytest.mark.parametrize(
        "image", ["../", "a/../b", "http://evil.example/", "%2e%2e%2f", "x\n"]
    )
    def test_images(self, demo: Person, api: API, image: str) -> None:
        answer = api(demo).post(sync(image))
        assert answer.status_code == 400, answer.text

    def test_projects(self, demo: Person, api: API) -> None:
        for project in ("..", "..%2f..", "%2f%2fevil.example", f"{demo.project_id}%2f.."):
            answer = api(demo).call("GET", project=project)
            assert answer.status_code in (400, 404), answer.text


def test_the_host_of_a_request_leads_nowhere(
    demo: Person, api: API, glances: dict[str, Proxy]
) -> None:
    """Endpoints come from the catalog, regardless of headers that name hosts."""
    image = demo.make("RegionOne")["id"]
    headers = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Service-Catalog": json.dumps(
            [
                {
                    "type": "image",
                    "endpoints": [{"region": "RegionOne", "internalURL": "http://evil.example"}],
                }
            ]
        ),
        "X-Project-Id": "0" * 32,
        "X-Roles": "admin",
    }
    with glances["RegionOne"].recording() as calls:
        answer = api(demo).post(sync(image), headers=headers)
    assert answer.status_code == 200, answer.text
    assert [call for call in calls if call.path == "/v2/images"]


def test_filters_stay_in_the_query(demo: Person, api: API, glances: dict[str, Proxy]) -> None:
    odd = "x&owner=evil#/../?limit=1;visibility=public"
    property_name = f"os_{unique()}&marker=x"
    filters = {"name": odd, "tag": [odd], "property": {property_name: odd}}
    with glances["RegionOne"].recording() as calls:
        job = api(demo).run(wildcard(filters=filters, source="RegionOne", dry_run=True))
    assert job.items == []
    lists = [call for call in calls if call.path.endswith("/images")]
    assert lists
    for call in lists:
        assert call.path == "/v2/images"
        assert call.query.get("owner", demo.project_id) == demo.project_id
        assert call.query["limit"] == "1000"
        assert "marker" not in call.query or uuid.UUID(call.query["marker"])


def _lines(deployment: Deployment) -> list[str]:
    # Characters that a terminal or a program takes for the end of a line.
    text = "".join(
        log.read_bytes().decode("utf-8", "replace").replace("\x1b", "\n")
        for log in deployment.logs
    )
    return text.splitlines()


@pytest.mark.deployments("rabbit-mariadb", "standalone")
@pytest.mark.parametrize("end", BREAKS)
def test_no_line_is_forged(
    demo: Person, api: API, deployment: Deployment, glances: dict[str, Proxy], end: str
) -> None:
    """Text from bodies, paths, headers and Glance never begins a new log line."""
    text = f"{unique('word')}{end}{FORGED}"
    kingbird = api(demo)
    kingbird.post({**sync(text), "source": text, "target": [text], text: text})
    kingbird.post(wildcard(filters={"name": text, "tag": [text], "property": {text: text}}))
    kingbird.call("GET", f"/{text}", params={"status": text, text: text})
    kingbird.call("GET", project=text)
    for name in ("X-Openstack-Request-Id", "X-Auth-Token", "User-Agent", "X-Forwarded-For"):
        raw = text.encode().replace(b"\r", b"").replace(b"\n", b"")
        kingbird.call("GET", headers={name: raw})

    # Glance's message may repeat text from an image.
    def odd(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        return Answer(503, [], text.encode())

    image = demo.make("RegionOne")["id"]
    with glances["RegionOne"].broken(odd):
        assert kingbird.post(sync(image)).status_code == 503
    lines = _lines(deployment)
    assert any("Job forged" in line for line in lines), "nothing of it was logged"
    prefixed = [line for line in lines if line.lstrip().startswith(FORGED[:40])]
    assert not prefixed, prefixed[:3]
    assert not [line for line in lines if line.startswith(("[1A", "[2K"))]
