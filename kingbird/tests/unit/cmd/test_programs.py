"""The programs as an operator types them."""

import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


def run(program, *arguments):
    return subprocess.run(
        [BIN / program, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def config(tmp_path):
    """Give a configuration file with a SQLite database."""
    file = tmp_path / "kingbird.conf"
    file.write_text(f"[database]\nconnection = sqlite:///{tmp_path}/kingbird.sqlite\n")
    return str(file)


@pytest.mark.parametrize(
    "program",
    [
        "kingbird-api",
        "kingbird-engine",
        "kingbird-manage",
        "kingbird-standalone",
        "kingbird-status",
    ],
)
def test_help(program):
    done = run(program, "--help")
    assert done.returncode == 0, done.stderr
    assert program in done.stdout


def test_the_database_is_brought_up_to_date(config):
    empty = run("kingbird-manage", "--config-file", config, "db", "version")
    assert "empty" in empty.stdout
    for _ in range(2):
        done = run("kingbird-manage", "--config-file", config, "db", "sync")
        assert done.returncode == 0, done.stderr
    version = run("kingbird-manage", "--config-file", config, "db", "version")
    assert done.stdout.split()[-1] == version.stdout.split()[-1]


def test_a_command_that_does_not_exist_is_refused(config):
    done = run("kingbird-manage", "--config-file", config, "db", "drop")
    assert done.returncode == 2
    assert "drop" in done.stderr


def test_the_upgrade_check_finds_a_schema_that_is_behind(config):
    done = run("kingbird-status", "--config-file", config, "upgrade", "check")
    assert done.returncode == 2, done.stdout
    assert "kingbird-manage db sync" in " ".join(done.stdout.replace("|", " ").split())
