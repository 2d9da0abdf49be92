"""Load the WSGI module as gunicorn and uwsgi do, each time in a process that it configures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kingbird.tests.waiting import PATIENCE

CONF = """
[database]
connection = sqlite:///{directory}/kingbird.db
[keystone_authtoken]
auth_type = password
auth_url = http://127.0.0.1:1/v3
username = kingbird
password = secret
[api]
max_request_body_size = 5000
"""

LOAD = """
import sys
sys.argv = ["gunicorn", "--no-such-option", "kingbird.api.wsgi:application"]
from kingbird.api import wsgi
import os, webob
from oslo_config import cfg
"""

CHECK = """
response = webob.Request.blank("/v1.0").get_response(wsgi.application)
assert response.status_int == 200, response
"""


def run(code: str, before: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Load the application and run code.

    :param before: what the server did before it loaded the application.
    """
    return subprocess.run(
        [sys.executable, "-c", before + LOAD + code],
        env={**os.environ, "KINGBIRD_CONCURRENCY_BACKEND": "threading", **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def config_file(tmp_path: Path) -> str:
    path = tmp_path / "kingbird.conf"
    path.write_text(CONF.format(directory=tmp_path))
    return str(path)


def test_the_environment_names_the_file(config_file: str) -> None:
    done = run(
        CHECK + "assert cfg.CONF.api.max_request_body_size == 5000",
        KINGBIRD_CONFIG_FILE=config_file,
    )
    assert done.returncode == 0, done.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = run(CHECK, KINGBIRD_CONFIG_FILE=str(tmp_path / "none.conf"))
    assert done.returncode != 0
    assert "none.conf" in done.stderr


@pytest.mark.parametrize(
    ("backend", "before"),
    [("threading", ""), ("eventlet", "import eventlet\neventlet.monkey_patch()\n")],
)
def test_the_backend_that_the_server_runs_on(config_file: str, backend: str, before: str) -> None:
    done = run(
        CHECK + "from oslo_service import backend\n"
        f"assert backend.get_backend_type().value == {backend!r}",
        before,
        KINGBIRD_CONFIG_FILE=config_file,
        KINGBIRD_CONCURRENCY_BACKEND=backend,
    )
    assert done.returncode == 0, done.stderr


def test_loading_connects_to_nothing_so_servers_may_fork(config_file: str) -> None:
    """Neither pool nor transport is there to be shared; each child makes its own."""
    done = run(
        """
from kingbird.db import connection
assert not connection._manager.is_started
assert not os.path.exists(cfg.CONF.database.connection.removeprefix("sqlite:///"))
child = os.fork()
if child == 0:
    status = 1
    try:
"""
        + "".join(f"        {line}\n" for line in CHECK.splitlines())
        + """
        status = 0
    finally:
        os._exit(status)
assert os.waitpid(child, 0)[1] == 0
""",
        KINGBIRD_CONFIG_FILE=config_file,
    )
    assert done.returncode == 0, done.stderr
