"""Request ids and CORS: what every answer has, and what browsers are told."""

import logging
from typing import Any

import pytest
import webob
from oslo_context import context

from kingbird.api import app
from kingbird.db import api as db
from kingbird.tests.api.world import World
from kingbird.tests.unit.api.conftest import JOBS, Call, request_body

GLOBAL = "req-0b1f7f9e-1d0c-4c7c-9a44-3a2f0f2b7c11"
ORIGIN = "https://dashboard.example.org"


# Request ids.


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/", None, 200),
        ("/v1.0", None, 200),
        (JOBS, "member", 200),
        (JOBS, None, 401),
        (JOBS, "other", 403),
        ("/nowhere", "member", 404),
        ("/%ff", None, 400),
        ("/healthcheck", None, 503),
    ],
)
def test_every_answer_has_an_id_of_its_own(
    world: World, path: str, token: str | None, status: int
) -> None:
    headers = {"X-Auth-Token": token} if token else {}
    ids = set()
    for _ in range(2):
        request = webob.Request.blank(path, headers={**headers, "X-Openstack-Request-Id": GLOBAL})
        response = request.get_response(world.application)
        assert response.status_int == status
        request_id = response.headers["X-Openstack-Request-Id"]
        assert request_id.startswith("req-")
        assert response.headers["Openstack-Request-Id"] == request_id
        ids.add(request_id)
    assert len(ids) == 2
    assert GLOBAL not in ids


def _stored(response: webob.Response) -> Any:
    (job,) = db.jobs.list_for_project("a1111111222233334444555555555555", with_all_projects=True)
    assert job.id == response.json["job_status"]["id"]
    return job


def test_a_global_id_is_passed_on_and_kept_for_engines(world: World, call: Call) -> None:
    headers = {"X-Openstack-Request-Id": GLOBAL}
    response = call(JOBS, "POST", body=request_body(), headers=headers)
    job = _stored(response)
    assert job.global_request_id == GLOBAL
    assert job.request_id == response.headers["X-Openstack-Request-Id"]
    assert world.regions.request_ids == [GLOBAL]


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "0b1f7f9e-1d0c-4c7c-9a44-3a2f0f2b7c11",
        f"{GLOBAL}x",
        f"{GLOBAL} evil",
        GLOBAL.upper(),
        "req-" + "x" * 5000,
        "req-\x1b[31mred",
        "req-%0aINFO forged",
    ],
)
def test_a_malformed_one_is_nowhere(
    world: World, call: Call, caplog: pytest.LogCaptureFixture, malformed: str
) -> None:
    caplog.set_level(logging.DEBUG)
    response = call(JOBS, "POST", body=request_body(), HTTP_X_OPENSTACK_REQUEST_ID=malformed)
    job = _stored(response)
    assert job.global_request_id is None
    assert world.regions.request_ids == [job.request_id]
    assert not malformed or malformed not in caplog.text + str(response.headers)


def test_lines_of_the_log_have_the_global_id(
    world: World, call: Call, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def note(*_: Any, **__: Any) -> list[Any]:
        current: Any = context.get_current()
        seen.append((current.global_request_id, current.request_id))
        return []

    monkeypatch.setattr(db.jobs, "list_for_project", note)
    response = call(JOBS, headers={"X-Openstack-Request-Id": GLOBAL})
    assert seen == [(GLOBAL, response.headers["X-Openstack-Request-Id"])]


# CORS.


def with_cors(world: World, **options: Any) -> Any:
    """Return the application as it is made with an origin in its configuration."""
    for name, value in {"allowed_origin": [ORIGIN], **options}.items():
        world.conf.set_override(name, value, group="cors")
    return app.build(
        world.conf,
        keystone=world.keystone,  # type: ignore[arg-type]
        regions=world.regions,  # type: ignore[arg-type]
        engines=world.engines,
    )


def preflight(application: Any, origin: str = ORIGIN, **headers: str) -> webob.Response:
    """Ask as a browser does before a POST with a token."""
    request = webob.Request.blank(
        JOBS,
        method="OPTIONS",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-auth-token,content-type",
            **headers,
        },
    )
    response = request.get_response(application)
    assert response.headers["X-Openstack-Request-Id"].startswith("req-")
    return response


def test_a_preflight_needs_no_token(world: World) -> None:
    response = preflight(with_cors(world))
    assert response.status_int == 200
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Access-Control-Allow-Methods"] == "POST"
    assert response.headers["Access-Control-Allow-Headers"] == "x-auth-token,content-type"
    assert response.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert response.body == b""


@pytest.mark.parametrize(
    "asked",
    [
        {"origin": "https://evil.example.org"},
        {"origin": f"{ORIGIN}.evil.example.org"},
        {"Access-Control-Request-Method": "PUT"},
        {"Access-Control-Request-Headers": "x-service-token"},
    ],
)
def test_what_is_not_allowed(world: World, asked: dict[str, str]) -> None:
    response = preflight(with_cors(world), **asked)
    assert not [name for name in response.headers if name.startswith("Access-Control-")]


def test_nothing_is_answered_where_nothing_is_configured(world: World) -> None:
    response = preflight(world.application)
    assert response.status_int == 401
    assert not [name for name in response.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize(("token", "status"), [("member", 200), (None, 401), ("other", 403)])
def test_answers_can_be_read(world: World, token: str | None, status: int) -> None:
    headers = {"Origin": ORIGIN, **({"X-Auth-Token": token} if token else {})}
    request = webob.Request.blank(JOBS, headers=headers)
    response = request.get_response(with_cors(world))
    assert response.status_int == status
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = response.headers["Access-Control-Expose-Headers"].split(",")
    assert exposed == ["X-Openstack-Request-Id", "Openstack-Request-Id", "Retry-After"]


def test_an_origin_opens_no_door(world: World) -> None:
    """OPTIONS with an origin does nothing, and says nothing of what is there."""
    application = with_cors(world)
    for path in (JOBS, "/v1.0/x/y", "/"):
        request = webob.Request.blank(path, method="OPTIONS", headers={"Origin": ORIGIN})
        assert request.get_response(application).body == b""
