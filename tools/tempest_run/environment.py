"""Tempest's own virtual environment, apart from Kingbird's and the services'."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from minicloud.layout import DEFAULT_HOME, locked

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "tempest_plugin"
CONSTRAINTS = Path(__file__).with_name("constraints.txt")
VENV = DEFAULT_HOME / "venv-tempest"
BIN = VENV / "bin"
_STAMP = VENV / "kingbird-stamp"


def install() -> None:
    """Create the environment if it is missing or was made from other constraints.

    The plugin is installed in place, so a change to its tests needs no new installation.

    :raises subprocess.CalledProcessError: a package cannot be installed.
    """
    with locked(DEFAULT_HOME / "install-tempest.lock"):
        if _STAMP.is_file() and _STAMP.read_text() == _fingerprint():
            print("tempest: up to date")
            return
        print(f"tempest: installing into {VENV}")
        uv = Path(sys.executable).with_name("uv")
        python = BIN / "python"
        _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV)
        _run(
            *(uv, "pip", "install", "--quiet", "--python", python, "--compile-bytecode"),
            *("--constraint", CONSTRAINTS, "--editable", PLUGIN),
        )
        _STAMP.write_text(_fingerprint())


def _fingerprint() -> str:
    version = ".".join(map(str, sys.version_info[:2]))
    texts = (version, CONSTRAINTS.read_text(), (PLUGIN / "pyproject.toml").read_text())
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _run(*command: str | Path) -> None:
    environment = {"UV_SYSTEM_CERTS": "true", **os.environ}
    # uv does not read pip's settings.  An index set for pip is used for both.
    if "PIP_INDEX_URL" in environment:
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    subprocess.run(command, check=True, env=environment, stdout=sys.stderr)
