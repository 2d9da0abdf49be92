"""Horizon's static files, which are collected and compressed before it starts."""

from __future__ import annotations

import hashlib
import os
import subprocess

from demo.errors import DemoError
from minicloud.layout import locked

from dashboard_run import settings
from dashboard_run.environment import PLUGIN, Environment


def collect(environment: Environment) -> None:
    """Collect and compress static files, if those of the plugin have changed.

    :raises DemoError: one of Horizon's commands fails.
    """
    static = environment.static
    stamp = static / "kingbird-stamp"
    with locked(static.with_suffix(".lock")):
        present = _fingerprint(environment)
        if stamp.is_file() and stamp.read_text() == present:
            return
        print("horizon: collecting and compressing static files")
        variables = settings.write(static.with_suffix(".settings"), static)
        for command in (("collectstatic", "--noinput"), ("compress", "--force")):
            done = subprocess.run(
                (str(environment.python), "-m", "django", *command),
                check=False,
                env={**os.environ, **variables},
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise DemoError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}"[-4000:])
        stamp.write_text(present)


def _fingerprint(environment: Environment) -> str:
    package = PLUGIN / "kingbird_dashboard"
    files = [
        environment.constraints,
        *sorted((package / "static").rglob("*.*")),
        *sorted((package / "enabled").glob("_*.py")),
    ]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
