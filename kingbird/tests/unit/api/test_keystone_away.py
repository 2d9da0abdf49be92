"""The application of the real clients, with a Keystone that nobody answers for."""

from pathlib import Path

import pytest
from oslo_config import cfg

from kingbird import conf as kingbird_conf
from kingbird.api import app
from kingbird.tests.unit.api.conftest import JOBS, caller

UNREACHABLE = """
[keystone_authtoken]
auth_type = password
auth_url = http://127.0.0.1:1/v3
username = kingbird
password = secret
project_name = service
http_request_max_retries = 0
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
