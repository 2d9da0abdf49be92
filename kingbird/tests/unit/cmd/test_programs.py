"""The programs as an operator types them."""

import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.unit.db import rows
from kingbird.tests.unit.db.rows import utcnow
from kingbird.tests.waiting import PATIENCE, eventually

BIN = Path(sys.executable).parent


def run(program, *arguments):
    return subprocess.run(
        [BIN / program, *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE
    )


@pytest.fixture
def config(tmp_path):
    """Give a configuration file with a SQLite database."""
    file = tmp_path / "kingbird.conf"
    file.write_text(f"[database]\nconnection = sqlite:///{tmp_path}/kingbird.sqlite\n")
    return str(file)


def test_the_database_is_brought_up_to_date(config):
    empty = run("kingbird-manage", "--config-file", config, "db", "version")
    assert "empty" in empty.stdout
    for _ in range(2):
        done = run("kingbird-manage", "--config-file", config, "db", "sync")
        assert done.returncode == 0, done.stderr
    version = run("kingbird-manage", "--config-file", config, "db", "version")
    assert done.stdout.split()[-1] == version.stdout.split()[-1]


def test_a_command_about_the_database_does_not_load_the_api():
    look = "import sys, kingbird.cmd.manage; sys.exit('pecan' in sys.modules)"
    subprocess.run([sys.executable, "-c", look], check=True, timeout=PATIENCE)


def test_a_command_that_does_not_exist_is_refused(config):
    done = run("kingbird-manage", "--config-file", config, "db", "drop")
    assert done.returncode == 2
    assert "drop" in done.stderr


def test_old_jobs_are_purged(config, conf):
    conf(["--config-file", config], project="kingbird")
    db.configure(conf)
    db.migration.sync()
    for days in (1, 31, 32, 33):
        job_id = rows.planned_job()
        job = db.jobs.get(rows.PROJECT, job_id)
        db.job_ends.end_job(job)
        with db.get_engine().begin() as bind:
            moment = utcnow() - timedelta(days=days)
            bind.execute(sa.update(db.Job).where(db.Job.pk == job.pk).values(updated_at=moment))
    db.dispose()
    for deleted in (3, 0):
        done = run(
            "kingbird-manage", "--config-file", config, "db", "purge", "--older-than", "30",
            "--batch", "2",
        )  # fmt: skip
        assert f"Deleted {deleted} job(s)" in done.stdout, done.stderr
    assert len(db.jobs.list_for_project(rows.PROJECT)) == 1
    db.dispose()


@pytest.mark.parametrize(
    "arguments", [[], ["--older-than", "-1"], ["--older-than", "1", "--batch", "0"]]
)
def test_a_purge_says_how_old(config, arguments):
    done = run("kingbird-manage", "--config-file", config, "db", "purge", *arguments)
    assert done.returncode == 2, done.stdout


def test_the_upgrade_check_finds_a_schema_that_is_behind(config):
    done = run("kingbird-status", "--config-file", config, "upgrade", "check")
    assert done.returncode == 2, done.stdout
    assert "kingbird-manage db sync" in " ".join(done.stdout.replace("|", " ").split())


def test_standalone_answers_and_ends(tmp_path):
    """The embedded default needs no broker, no database server and no other command."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "kingbird.conf"
    config.write_text(
        f"[DEFAULT]\nstate_path = {tmp_path}\n"
        # A broker in a shared file is none of this program's business.
        "transport_url = rabbit://nobody:nothing@127.0.0.1:1/\n"
        f"[api]\nport = {port}\n"
        "[keystone_authtoken]\nauth_type = password\nauth_url = http://127.0.0.1:1/v3\n"
        "username = kingbird\npassword = secret\n"
    )
    program = subprocess.Popen(
        [BIN / "kingbird-standalone", "--config-file", config],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        versions = eventually("it answers", lambda: _versions(program, port), poll=0.1)
    finally:
        program.terminate()
        output, _ = program.communicate(timeout=PATIENCE)
    assert versions["versions"][0]["id"] == "v1.0", output
    assert program.returncode == 0, output
    assert "RPC server started" in output
    assert (tmp_path / "kingbird.sqlite").exists()


def _versions(program, port):
    assert program.poll() is None, "it has ended"
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=PATIENCE).json()
    except requests.ConnectionError:
        return None


@pytest.mark.parametrize("program", ["kingbird-api", "kingbird-engine", "kingbird-standalone"])
def test_a_service_user_that_is_not_named_ends_the_program(program, config):
    """Else each request and each job would find out by itself."""
    done = run(program, "--config-file", config)
    assert done.returncode == 1
    assert "[keystone_authtoken] has no auth_type" in done.stderr
    assert "Traceback" not in done.stderr
