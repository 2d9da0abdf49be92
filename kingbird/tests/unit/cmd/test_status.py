"""kingbird-status as an operator types it: what it prints, and how it exits."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from keystoneauth1 import fixture

from kingbird.db import api as db
from kingbird.tests.waiting import PATIENCE

BIN = Path(sys.executable).parent
SUCCESS, WARNING, FAILURE, BROKEN = 0, 1, 2, 255
SECRET = "s3cret"


class _Keystone(BaseHTTPRequestHandler):
    """Gives anybody a token with all roles, and tells of no trusts."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        token = fixture.V3Token(user_id="kingbird", project_id="service")
        token.add_role(name="service")
        token.add_role(name="admin")
        self._answer(201, dict(token))

    def do_GET(self):
        self._answer(200, {"trusts": []})

    def _answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Subject-Token", "t")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def keystone():
    """Give the URL of a Keystone that is there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Keystone)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v3"
    server.shutdown()
    server.server_close()


@pytest.fixture
def check(database, tmp_path):
    """Run the checks on a database that is up to date, unless told otherwise."""

    def run(*words, auth_url="http://127.0.0.1:1/v3", connection=None, more=""):
        config = tmp_path / "kingbird.conf"
        config.write_text(
            f"[database]\nconnection = {connection or database.database.connection}\n"
            "max_retries = 0\n"
            f"[keystone_authtoken]\nauth_type = password\nauth_url = {auth_url}\n"
            f"username = kingbird\npassword = {SECRET}\nproject_name = service\n{more}"
        )
        done = subprocess.run(
            [BIN / "kingbird-status", "--config-file", config, "upgrade", "check", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert SECRET not in done.stdout + done.stderr
        return done

    return run


def test_all_is_well(check, keystone):
    done = check("--json", auth_url=keystone)
    assert done.returncode == SUCCESS, done.stdout
    checks = json.loads(done.stdout)["checks"]
    assert {each["result"] for each in checks} == {SUCCESS}
    assert [each["check"] for each in checks] == [
        "Configuration",
        "Events",
        "Policies",
        "Database schema",
        "Database and broker",
        "Engines",
        "Jobs in progress",
        "Service user",
        "Data import",
    ]


def test_a_warning(check):
    done = check()
    assert done.returncode == WARNING, done.stdout
    assert "Check: Service user" in done.stdout
    assert "Result: Warning" in done.stdout
    assert "Result: Failure" not in done.stdout


@pytest.mark.parametrize("driver", ["mysql+pymysql", "postgresql+psycopg2"])
def test_a_database_that_is_away(check, keystone, driver):
    url = f"{driver}://kingbird:{SECRET}@127.0.0.1:1/kingbird"
    done = check(auth_url=keystone, connection=url)
    assert done.returncode == FAILURE, done.stdout
    assert "at 127.0.0.1 can't be reached" in done.stdout


def test_the_worst_of_them_counts(check):
    with db.get_engine().begin() as bind:
        bind.exec_driver_sql("DELETE FROM alembic_version")
    done = check(more="[sync]\nno_such_option = 1\n")
    assert done.returncode == FAILURE, done.stdout
    assert "no_such_option" in done.stdout


def test_a_check_that_breaks(check, database):
    with db.get_engine().begin() as bind:
        bind.exec_driver_sql("DROP TABLE engines")
    done = check()
    assert done.returncode == BROKEN, done.stdout
    assert "Unavailable" in done.stdout


def test_a_configuration_that_can_not_be_read(check):
    done = check(more="no section and no option")
    assert done.returncode == BROKEN, done.stdout


def test_a_file_that_is_not_there(tmp_path):
    done = subprocess.run(
        [BIN / "kingbird-status", "--config-file", tmp_path / "none", "upgrade", "check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == BROKEN, done.stdout
    assert "none" in done.stderr
    assert "Traceback" not in done.stderr
