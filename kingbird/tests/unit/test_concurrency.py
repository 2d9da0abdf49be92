"""The backend is chosen before anything else is imported."""

import subprocess
import sys

import pytest

PROBE = """
import sys
from kingbird import concurrency
name = concurrency.setup()
import threading, oslo_messaging
from oslo_service import backend
assert backend.get_backend_type().value == name, backend.get_backend_type()
green = "eventlet" in getattr(threading.current_thread, "__module__", "")
print(name, green)
"""


def probe(choice):
    return subprocess.run(
        [sys.executable, "-c", PROBE],
        env={"KINGBIRD_CONCURRENCY_BACKEND": choice, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("choice", "printed"),
    [("threading", "threading False"), ("eventlet", "eventlet True"), ("", "threading False")],
)
def test_the_environment_chooses(choice, printed):
    done = probe(choice)
    assert done.stdout.strip() == printed, done.stderr


def test_a_backend_that_does_not_exist_is_named():
    done = probe("gevent")
    assert done.returncode != 0
    assert "'gevent'" in done.stderr
    assert "threading or eventlet" in done.stderr


def test_a_server_that_owns_its_threads_is_refused():
    done = subprocess.run(
        [sys.executable, "-c", "import kingbird.api.wsgi"],
        env={"KINGBIRD_CONCURRENCY_BACKEND": "eventlet", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "run kingbird-api" in done.stderr
