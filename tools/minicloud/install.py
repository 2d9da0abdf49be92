"""Create a virtual environment for each service from pinned constraints."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from minicloud.errors import MinicloudError
from minicloud.layout import CONSTRAINTS, SERVICES, Home, locked

# The WSGI server of both.  It is the only one that never dropped a connection when a service
# answered with an error before it had read the request's body.
REQUIREMENTS = {
    "keystone": ("keystone", "waitress"),
    "glance": ("glance", "waitress"),
}


INSTALLER = "uv==0.13.9"


def install_services(home: Home, say: Callable[[str], None] = print) -> None:
    """Create virtual environments that are missing or outdated.

    :raises MinicloudError: a package cannot be installed.
    """
    with locked(home.lock):
        for service in SERVICES:
            if is_current(home, service):
                say(f"{service}: up to date")
                continue
            say(f"{service}: installing into {home.venv(service)}")
            _install(home, service)


def is_current(home: Home, service: str) -> bool:
    stamp = home.stamp(service)
    return stamp.is_file() and stamp.read_text() == _fingerprint(service)


def _fingerprint(service: str) -> str:
    version = ".".join(map(str, sys.version_info[:2]))
    text = f"{version} {REQUIREMENTS[service]}\n{_constraints(service).read_text()}"
    return hashlib.sha256(text.encode()).hexdigest()


def _constraints(service: str) -> Path:
    return CONSTRAINTS / f"{service}.txt"


def _install(home: Home, service: str) -> None:
    uv = installer(home)
    _run(uv, "venv", "--clear", "--python", sys.executable, home.venv(service))
    _run(
        *(uv, "pip", "install", "--python", home.python(service), "--compile-bytecode"),
        *("--constraint", _constraints(service)),
        *REQUIREMENTS[service],
    )
    home.stamp(service).write_text(_fingerprint(service))


def installer(home: Home) -> Path:
    """Return uv in its own virtual environment; it is much faster than pip.

    :raises MinicloudError: it cannot be installed.
    """
    uv = home.installer / "bin" / "uv"
    # Environments are made at the same time.
    with locked(home.path / "install-uv.lock"):
        if not uv.exists():
            _run(sys.executable, "-m", "venv", "--clear", home.installer)
            python = home.installer / "bin" / "python"
            _run(python, "-m", "pip", "install", "--disable-pip-version-check", INSTALLER)
    return uv


def _run(*command: str | Path) -> None:
    environment = {"UV_SYSTEM_CERTS": "true", **os.environ}
    # uv does not read pip's settings.  An index set for pip is used for both.
    if "PIP_INDEX_URL" in environment:
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if done.returncode:
        words = " ".join(map(str, command))
        raise MinicloudError(f"{words} failed:\n{done.stdout}{done.stderr}".rstrip())
