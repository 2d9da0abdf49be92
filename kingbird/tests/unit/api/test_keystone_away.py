"""The application of the real clients, with a Keystone that nobody answers for."""

import socket
from pathlib import Path

import pytest
from keystoneauth1 import loading
from oslo_config import cfg

from kingbird import conf as kingbird_conf
from kingbird import exception
from kingbird.api import app
from kingbird.clients.keystone import Keystone
from kingbird.tests.unit.api.conftest import JOBS, caller
from kingbird.tests.waiting import bounded

UNREACHABLE = """
[keystone_authtoken]
auth_type = password
auth_url = http://127.0.0.1:1/v3
username = kingbird
password = secret
project_name = service
"""


@pytest.fixture
def unreachable(tmp_path: Path) -> cfg.ConfigOpts:
    """Give a configuration whose Keystone nobody answers for."""
    path = tmp_path / "kingbird.conf"
    path.write_text(UNREACHABLE)
    conf = cfg.ConfigOpts()
    kingbird_conf.register_opts(conf)
    kingbird_conf.set_library_defaults()
    conf([], project="kingbird", default_config_files=[str(path)], default_config_dirs=[])
    return conf


def test_keystone_away(unreachable: cfg.ConfigOpts) -> None:
    """The real clients: building connects to nothing, a token makes a 503, none a 401."""
    call = caller(app.create(unreachable))
    assert call("/v1.0", token=None).status_int == 200
    response = call(JOBS, token=None)
    assert response.status_int == 401
    assert response.headers["WWW-Authenticate"] == 'Keystone uri="http://127.0.0.1:1/v3"'
    response = call(JOBS)
    assert response.status_int == 503
    assert response.headers["Retry-After"] == "5"


@pytest.fixture
def silent(unreachable: cfg.ConfigOpts, listener: socket.socket) -> cfg.ConfigOpts:
    """Give a configuration whose Keystone takes connections and never answers."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v3"
    loading.load_auth_from_conf_options(unreachable, "keystone_authtoken")
    unreachable.set_override("auth_url", url, group="keystone_authtoken")
    return unreachable


def test_keystone_silent(silent: cfg.ConfigOpts, listener: socket.socket) -> None:
    """A token can't be looked at; the caller hears that before a proxy gives up."""
    call = caller(app.create(silent))
    with bounded("the API answers", listener.close):
        response = call(JOBS)
    assert response.status_int == 503
    assert response.headers["Retry-After"] == "5"


def test_keystone_silent_since_the_token_was_seen(
    silent: cfg.ConfigOpts, listener: socket.socket
) -> None:
    """No trust can be made."""
    keystone = Keystone(silent, timeout=app.KEYSTONE_SECONDS)
    with (
        bounded("a call to Keystone ends", listener.close),
        pytest.raises(exception.KeystoneUnavailable) as caught,
    ):
        keystone.service_user_id()
    assert caught.value.retry_after
