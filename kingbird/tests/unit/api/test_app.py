"""The application as a whole: nothing that comes in makes a 500, and nothing secret goes out."""

import io
import logging
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import webob
from cheroot import wsgi
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keystoneauth1 import adapter, discover, session, token_endpoint

from kingbird.api import app
from kingbird.db import api as db
from kingbird.tests.api.world import IMAGE, PROJECT, World, token_of
from kingbird.tests.unit.api.conftest import JOBS, Call, caller, request_body
from kingbird.tests.unit.api.request.test_validation import any_json

fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def shared_call(shared_world: World) -> Call:
    return caller(shared_world.application)


# Requests.


@fuzz
@given(st.binary() | any_json)
def test_no_body_makes_a_500(shared_call: Call, body: Any) -> None:
    assert shared_call(JOBS, "POST", body=body).status_int == 400


@fuzz
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "resource_type": st.just("image") | any_json,
            "resources": st.just(["*"])
            | st.lists(st.just(IMAGE) | st.uuids().map(str) | any_json),
            "source": st.sampled_from(["RegionOne", "RegionTwo", "*"]) | any_json,
            "target": st.lists(st.sampled_from(["RegionOne", "RegionTwo", "*"]) | any_json),
            "force": st.booleans() | any_json,
            "filters": any_json,
            "all_projects": st.booleans() | any_json,
            "dry_run": st.booleans() | any_json,
            "on_drift": st.sampled_from(["report", "update"]) | any_json,
            "prune": st.booleans() | any_json,
        },
    )
)
def test_no_set_makes_a_500(shared_call: Call, sync_set: Any) -> None:
    for resource_set in (sync_set, {"Sync": [sync_set]}):
        body = {"resource_set": resource_set}
        assert shared_call(JOBS, "POST", body=body).status_int in (200, 400, 403, 404)


@fuzz
@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("visibility", "owner", "name", "name_prefix", "tag", "property"),
                *("size_min", "size_max", "updated_since", "status"),
            ]
        ),
        any_json | st.text(min_size=1) | st.integers() | st.dictionaries(st.text(), st.text()),
        max_size=2,
    )
)
def test_no_filter_makes_a_500(shared_call: Call, filters: Any) -> None:
    body = request_body(resources=["*"], filters=filters)
    response = shared_call(JOBS, "POST", body=body)
    assert response.status_int in (200, 400)
    if response.status_int == 200:
        job_id = response.json["job_status"]["id"]
        assert shared_call(f"{JOBS}/{job_id}").json["job_set"][0]["resource"] == "*"


@fuzz
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["limit", "marker", "sort_key", "sort_dir", "status"]),
            st.integers().map(str)
            | st.uuids().map(str)
            | st.sampled_from(["asc", "desc", "id", "updated_at", "SUCCESS", "9" * 5000])
            | st.text(st.characters(exclude_categories=["Cs"])),
        ),
        max_size=3,
    )
)
def test_no_list_makes_a_500(shared_call: Call, query: list[tuple[str, str]]) -> None:
    for path in (JOBS, f"{JOBS}/active", f"{JOBS}/{IMAGE}"):
        response = shared_call(f"{path}?{urlencode(query)}")
        assert response.status_int in (200, 400, 404)
        assert len(response.json.get("error", {}).get("message", "")) < 500


@fuzz
@given(
    st.lists(
        st.binary(max_size=12)
        | st.sampled_from(
            [b"", b"..", b"v1.0", b"os-sync", b"active", PROJECT.encode(), IMAGE.encode()]
        )
    ),
    st.binary(),
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "Q"]),
    st.booleans(),
)
def test_no_path_makes_a_500(
    shared_call: Call, path: list[bytes], query: bytes, method: str, authenticated: bool
) -> None:
    response = shared_call(
        "/",
        method,
        token="member" if authenticated else None,
        PATH_INFO=b"/".join([b"", *path]).decode("latin-1"),
        QUERY_STRING=query.decode("latin-1"),
    )
    assert response.status_int < 500


@fuzz
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "Accept",
                "Content-Type",
                "Content-Length",
                "X-Openstack-Request-Id",
                "Host",
                "X-Auth-Token",
                "X-Service-Token",
                "X-Forwarded-Proto",
                "Cookie",
                "Range",
                "If-Match",
                "Content-Encoding",
                "Transfer-Encoding",
                "OpenStack-API-Version",
            ]
        ),
        st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])),
    )
)
def test_no_header_makes_a_500(shared_call: Call, headers: dict[str, str]) -> None:
    environ = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if f"HTTP_{name}" in environ:
            environ[name] = environ.pop(f"HTTP_{name}")
    for path, method in (("/", "GET"), (JOBS, "GET"), (JOBS, "POST")):
        assert shared_call(path, method, body=b"{}", **environ).status_int < 500


@pytest.mark.parametrize("segment", ["__class__", "_route", "index", "jobs", "job", "_limit"])
def test_paths_are_no_way_into_python(shared_call: Call, segment: str) -> None:
    for path in (f"/{segment}", f"/v1.0/{segment}", f"/v1.0/{PROJECT}/{segment}"):
        assert shared_call(path).status_int == 404
        assert shared_call(f"{path}/__init__/__globals__").status_int == 404


def test_ten_megabytes_are_refused(shared_call: Call) -> None:
    body = b'{"resource_set": "' + b"x" * 10_000_000 + b'"}'
    assert shared_call(JOBS, "POST", body=body).status_int == 413


def test_ten_megabytes_in_chunks_are_refused(shared_call: Call) -> None:
    environ = {"wsgi.input": io.BytesIO(b"x" * 10_000_000), "wsgi.input_terminated": True}
    response = shared_call(JOBS, "POST", CONTENT_LENGTH="", **environ)
    assert response.status_int == 413


def test_nobody_reads_the_body_of_who_may_not_post(shared_call: Call) -> None:
    class Untouchable(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("read")

    environ = {
        "wsgi.input": Untouchable(),
        "CONTENT_LENGTH": "5",
        "CONTENT_TYPE": "application/json",
    }
    for token in (None, "reader", "other"):
        assert shared_call(JOBS, "POST", token=token, **environ).status_int in (401, 403)


def test_parameters_are_no_arguments(shared_call: Call) -> None:
    """Pecan would take ``project`` and ``job`` from there."""
    response = shared_call(f"/v1.0/{PROJECT}/os-sync/{IMAGE}?job=x&_method=DELETE")
    assert response.status_int == 400
    assert '"job", "_method"' in response.json["error"]["message"]


def test_discovery_answers_whatever_the_query(shared_call: Call) -> None:
    for query in ("%ff=%00", "&&", "a=%zz", "version=2"):
        assert shared_call("/v1.0", token=None, QUERY_STRING=query).status_int == 200


# The way to tokens.


def test_an_option_opens_no_door() -> None:
    """``delay_auth_decision`` would let requests without a token through."""
    with World() as world:
        world.conf.set_override("delay_auth_decision", True, group="keystone_authtoken")
        application = app.build(
            world.conf,
            keystone=world.keystone,  # type: ignore[arg-type]
            regions=world.regions,  # type: ignore[arg-type]
            engines=world.engines,
        )
        assert caller(application)(JOBS, token=None).status_int == 401


@pytest.mark.parametrize("header", ["HTTP_X_AUTH_TOKEN", "HTTP_X_SERVICE_TOKEN"])
def test_a_token_that_can_be_none_is_not_shown_to_keystone(world: World, header: str) -> None:
    """Keystone would answer 400, and that would look like an outage."""
    world.add_token("to\x0bken", PROJECT, "member", "reader", "service")
    assert caller(world.application)(JOBS, **{header: "to\x0bken"}).status_int == 401


def test_401_says_where_keystone_is(world: World) -> None:
    world.conf.set_override("www_authenticate_uri", "http://public.test", "keystone_authtoken")
    application = app.build(
        world.conf,
        keystone=world.keystone,  # type: ignore[arg-type]
        regions=world.regions,  # type: ignore[arg-type]
        engines=world.engines,
    )
    response = caller(application)(JOBS, token=None)
    assert response.headers["WWW-Authenticate"] == 'Keystone uri="http://public.test"'


# Responses and logs.


def test_no_token_is_logged(caplog: pytest.LogCaptureFixture, world: World) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "gAAAAAB-a-secret-token"
    world.add_token(secret, PROJECT, "member", "reader")
    world.add_token(f"{secret}-2", PROJECT, "member", methods=["application_credential"])
    call = caller(world.application)
    for token in (secret, f"{secret}-2", f"{secret}-unknown"):
        for path, method in ((JOBS, "GET"), (JOBS, "POST"), (f"{JOBS}/{IMAGE}", "DELETE")):
            call(path, method, token=token, body=request_body())
    world.keystone.errors["create_trust"] = RuntimeError("oh")
    assert call(JOBS, "POST", token=secret, body=request_body()).status_int == 500
    assert caplog.text
    assert secret not in caplog.text


def test_a_failure_shows_no_internals(
    world: World, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("secret internals")

    monkeypatch.setattr(db.jobs, "list_for_project", fail)
    response = call(JOBS)
    assert response.status_int == 500
    assert "secret" not in response.text


def test_what_a_user_wrote_comes_back_in_ascii(shared_call: Call) -> None:
    response = shared_call(
        JOBS, "POST", body=request_body(source="R\n\u202e\N{BIRD}\0<script>\ud800")
    )
    assert response.status_int == 400
    assert response.body.isascii()
    assert "\\u0000<script>" in response.json["error"]["message"]


def test_messages_about_long_values_are_short(shared_call: Call) -> None:
    response = shared_call(JOBS, "POST", body=request_body(source="x" * 500_000))
    assert response.status_int == 400
    assert len(response.body) < 500


# Over HTTP.


@pytest.fixture
def url(shared_world: World) -> Iterator[str]:
    """Serve the application as kingbird-api does, and give its URL."""
    server = wsgi.Server(("127.0.0.1", 0), shared_world.application, numthreads=2)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield f"http://127.0.0.1:{server.bind_addr[1]}"
    server.stop()
    thread.join()


@pytest.mark.parametrize("path", ["", "/", "/v1.0", "/v1.0/"])
def test_keystoneauth_discovers_the_version(url: str, path: str) -> None:
    found = discover.Discover(session.Session(), f"{url}{path}")
    (data,) = found.version_data()
    assert data["version"] == (1, 0)
    assert data["url"] == f"{url}/v1.0/"
    assert data["status"] == discover.Status.CURRENT
    assert found.url_for("1") == f"{url}/v1.0/"


def test_an_adapter_finds_the_jobs(url: str) -> None:
    """As python-openstackclient's plugins and others come, over an unversioned endpoint."""
    auth = token_endpoint.Token(f"{url}/v1.0", "reader")
    client = adapter.Adapter(session.Session(auth), min_version="1", max_version="1.latest")
    assert client.get(f"{PROJECT}/os-sync").json()["job_set"] is not None


def test_bodies_in_chunks(url: str) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"["
        yield b"]"

    client = session.Session()
    response = client.post(
        f"{url}{JOBS}",
        authenticated=False,
        headers={"X-Auth-Token": "member"},
        data=chunks(),
        raise_exc=False,
    )
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("The body is []")


def test_a_large_body_is_answered_and_not_cut_off(url: str) -> None:
    response = session.Session().post(
        f"{url}{JOBS}",
        authenticated=False,
        headers={"X-Auth-Token": "member"},
        data=b"x" * 10_000_000,
        raise_exc=False,
    )
    assert response.status_code == 413


def test_an_application_below_a_prefix(shared_world: World) -> None:
    """As behind Apache, where the service's URL has a path."""
    request = webob.Request.blank("/v1.0", base_url="http://cloud.test/synchronization")
    link = request.get_response(shared_world.application).json["version"]["links"][0]["href"]
    assert link == "http://cloud.test/synchronization/v1.0/"


def test_links_to_pages_below_a_prefix(world: World, call: Call) -> None:
    for _ in range(2):
        assert call(JOBS, "POST", body=request_body()).status_int == 200
    request = webob.Request.blank(
        f"/v1.0//{PROJECT}/os-sync/?limit=1&status=IN_PROGRESS",
        base_url="http://cloud.test/synchronization",
        headers={"X-Auth-Token": "member"},
    )
    found = request.get_response(world.application).json
    assert found["links"] == [
        {
            "rel": "next",
            "href": f"http://cloud.test/synchronization{JOBS}?limit=1&status=IN_PROGRESS"
            f"&marker={found['job_set'][0]['id']}",
        }
    ]


def test_links_behind_a_proxy() -> None:
    with World() as world:
        world.conf.set_override("enable_proxy_headers_parsing", True, "oslo_middleware")
        response = caller(world.application)(
            "/",
            headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "sync.test"},
        )
        link = response.json["versions"][0]["links"][0]["href"]
        assert link == "https://sync.test/v1.0/"


def test_access_rules_of_application_credentials(world: World) -> None:
    """keystonemiddleware refuses such tokens where a service doesn't say what it is."""
    for name, path in (("fits", "/v1.0/*/os-sync"), ("other", "/v1.0/*/os-other")):
        token = token_of(PROJECT, "member", "reader", methods=["application_credential"])
        token.set_application_credential(
            "x", access_rules=[{"path": path, "method": "GET", "service": "synchronization"}]
        )
        world.add(token, name)
    call = caller(world.application)
    assert call(JOBS, token="fits").status_int == 200
    assert call(JOBS, token="other").status_int == 401
