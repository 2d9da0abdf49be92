"""Share a world between the API's tests, and a way to call it."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import webob

from kingbird.tests.api.world import IMAGE, PROJECT, World

JOBS = f"/v1.0/{PROJECT}/os-sync"


def request_body(**changes: Any) -> dict[str, Any]:
    """Return the body of a valid request, with other fields or without some (``None``)."""
    body = {
        "resource_type": "image",
        "resources": [IMAGE],
        "source": "RegionOne",
        "target": ["RegionTwo"],
        **changes,
    }
    return {"resource_set": {name: value for name, value in body.items() if value is not None}}


Call = Callable[..., webob.Response]


def caller(application: Any) -> Call:
    """Return a function that calls an application."""

    def call(
        path: str,
        method: str = "GET",
        *,
        token: str | None = "member",
        body: Any = b"",
        headers: dict[str, str] | None = None,
        **environ: Any,
    ) -> webob.Response:
        request = webob.Request.blank(path, method=method)
        if token is not None:
            request.headers["X-Auth-Token"] = token
        request.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.headers.update(headers or {})
        request.environ.update(environ)
        response = request.get_response(application)
        if response.status_int >= 400 and method != "HEAD":
            assert response.content_type == "application/json"
            assert set(response.json) == {"error"}
            assert set(response.json["error"]) == {"code", "title", "message"}
            assert response.json["error"]["code"] == response.status_int
        assert response.headers["X-Openstack-Request-Id"].startswith("req-")
        return response

    return call


@pytest.fixture
def world() -> Iterator[World]:
    """Give a world of its own."""
    with World() as opened:
        yield opened


@pytest.fixture
def call(world: World) -> Call:
    """Give a function that calls the world's application."""
    return caller(world.application)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Give a socket whose backlog takes connections, so that nobody answers."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen(64)
        yield made


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    """Give a world to all tests of a module; for those that leave it as it is."""
    with World() as opened:
        yield opened
