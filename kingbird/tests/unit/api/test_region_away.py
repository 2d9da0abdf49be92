"""The application of the real clients, with a region that never ends its answers."""

import socket
import threading

import pytest
from keystoneauth1 import loading

from kingbird.api import app
from kingbird.api.jobs import resolve
from kingbird.clients import keystone
from kingbird.tests.api.world import MEMBER_ROLES, PROJECT, World, token_of
from kingbird.tests.unit.api.conftest import JOBS, caller, request_body
from kingbird.tests.unit.clients.test_call_limits import Handler, Server
from kingbird.tests.waiting import bounded

GROUP = "keystone_authtoken"


@pytest.fixture
def world(world: World) -> World:
    """Give a world whose service user has credentials."""
    world.conf.set_override("auth_type", "password", group=GROUP)
    world.conf.register_opts(loading.get_auth_plugin_conf_options("password"), group=GROUP)
    world.conf.set_override("auth_url", "http://127.0.0.1:1/v3", group=GROUP)
    world.conf.set_override("username", "kingbird", group=GROUP)
    return world


@pytest.fixture(autouse=True)
def service_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Kingbird a token without a Keystone."""
    monkeypatch.setattr(keystone._ServiceToken, "get_token", lambda *_: "service")


def add_token(world: World, name: str, url: str) -> None:
    """Make a token whose catalog has another endpoint for RegionOne."""
    token = token_of(PROJECT, *MEMBER_ROLES, regions=["RegionTwo"])
    token.add_service("image").add_endpoint("public", url, region="RegionOne")
    world.add(token, name)


def test_a_silent_region(world: World, listener: socket.socket) -> None:
    """Images can't be looked for; the caller hears that before a proxy gives up."""
    add_token(world, "silent", f"http://127.0.0.1:{listener.getsockname()[1]}")
    call = caller(app.create(world.conf))
    with bounded("the API answers", listener.close):
        response = call(JOBS, "POST", token="silent", body=request_body())
    assert response.status_int == 503
    assert "region RegionOne does not answer" in response.json["error"]["message"]
    assert response.headers["Retry-After"]


class Odd(Handler):
    """Lists images without an end."""

    def again(self) -> None:
        self.body = b'{"images": [], "next": "/v2/images?marker=a"}'
        self.quick()

    def drops_the_query(self) -> None:
        if "?" not in self.path:
            return self.again()
        location = f"http://{self.headers['Host']}/v2/images"
        return self._headers(status=302, Location=location, Content_Length="0")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("again", "lists the same images again and again"),
        ("drops_the_query", "lists the same images again and again"),
        ("redirects", "does not answer"),
        ("head", "does not answer"),
        ("content", "does not answer"),
    ],
)
def test_a_region_that_never_ends(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: str, problem: str
) -> None:
    """The caller hears of it in the time that a silent region has."""
    monkeypatch.setattr(resolve, "UNRESPONSIVE_TIMEOUT", 1.0)

    class Own(Odd):
        over = threading.Event()

    Own.answer = answer
    server = Server(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        add_token(world, "odd", f"http://127.0.0.1:{server.server_port}")
        response = caller(app.create(world.conf))(JOBS, "POST", token="odd", body=request_body())
    finally:
        Own.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
    assert response.status_int == 503
    assert f"region RegionOne {problem}" in response.json["error"]["message"]
    assert response.headers["Retry-After"]
