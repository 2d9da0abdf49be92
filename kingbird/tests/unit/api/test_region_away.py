"""The application of the real clients, with a region that takes connections and never answers."""

import socket

import pytest
from keystoneauth1 import loading

from kingbird.api import app
from kingbird.tests.api.world import MEMBER_ROLES, PROJECT, World, token_of
from kingbird.tests.unit.api.conftest import JOBS, caller, request_body
from kingbird.tests.waiting import bounded

GROUP = "keystone_authtoken"


@pytest.fixture
def world(world: World, listener: socket.socket) -> World:
    """Give a world with a token, ``silent``, whose catalog has such a region."""
    world.conf.set_override("auth_type", "password", group=GROUP)
    world.conf.register_opts(loading.get_auth_plugin_conf_options("password"), group=GROUP)
    world.conf.set_override("auth_url", "http://127.0.0.1:1/v3", group=GROUP)
    world.conf.set_override("username", "kingbird", group=GROUP)
    token = token_of(PROJECT, *MEMBER_ROLES, regions=["RegionTwo"])
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    token.add_service("image").add_endpoint("public", url, region="RegionOne")
    world.add(token, "silent")
    return world


def test_a_silent_region(world: World, listener: socket.socket) -> None:
    """Images can't be looked for; the caller hears that before a proxy gives up."""
    call = caller(app.create(world.conf))
    with bounded("the API answers", listener.close):
        response = call(JOBS, "POST", token="silent", body=request_body())
    assert response.status_int == 503
    assert "region RegionOne does not answer" in response.json["error"]["message"]
    assert response.headers["Retry-After"]
