"""Run services: program, environment, and the wait until they answer."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from minicloud.errors import MinicloudError
from minicloud.layout import INSIDE, Home, State
from minicloud.ports import HOST
from minicloud.processes import Process, spawn
from minicloud.rest import answers

START_SECONDS = 120.0
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "TZ")


def service_of(process: str) -> str:
    """Return the service of a process: keystone, or glance for glance-REGION."""
    return process.partition("-")[0]


def start(home: Home, state: State, process: str, listener: socket.socket) -> Process:
    """Start a service's process on the listening socket, and record its pid."""
    service = service_of(process)
    environment = clean_environment()
    environment[f"OS_{service.upper()}_CONFIG_DIR"] = str(state.etc(process))
    python, serve = str(home.python(service)), str(INSIDE / "serve.py")
    command = (python, serve, process, f"{service}.wsgi.api", str(state.path))
    return spawn(command, environment, listener, state.log(process), state.pid(process))


def wait_until_ready(state: State, process: str, running: Process, port: int) -> None:
    """Wait until the service answers.

    :raises MinicloudError: the process ends, or does not answer in time.
    """
    path = "/v3" if service_of(process) == "keystone" else "/versions"
    deadline = time.monotonic() + START_SECONDS
    # The socket listens already, so a request waits in its queue.
    while not answers(f"http://{HOST}:{port}{path}", timeout=2):
        if not running.is_running():
            raise MinicloudError(f"{process} ended at once:\n{tail(state.log(process))}")
        if time.monotonic() > deadline:
            log = tail(state.log(process))
            raise MinicloudError(f"{process} gave no answer in {START_SECONDS:.0f} s:\n{log}")
        time.sleep(0.05)


def tail(log: Path, lines: int = 20) -> str:
    """Return the end of a log for an error message."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return f"({log} is missing)"
    return "\n".join([f"--- {log}", *text.splitlines()[-lines:]])


def clean_environment() -> dict[str, str]:
    """Return an environment without OS_ variables, which oslo.config and clients would read."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    # Every process of the services warns about eventlet, which would fill the logs.
    return {**kept, "PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1"}
