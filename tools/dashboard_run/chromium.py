"""Find a Chromium, or lay Debian's packages of it beside the virtual environments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from minicloud.layout import DEFAULT_HOME, locked

_HOME = DEFAULT_HOME / "chromium"
_PROGRAM = _HOME / "chromium"


class BrowserMissing(Exception):
    """There is no Chromium, and apt has none."""


def find() -> Path:
    """Return the program of a Chromium.

    :raises BrowserMissing: there is none, and none can be had.
    """
    there = shutil.which("chromium") or shutil.which("chromium-browser")
    if there:
        return Path(there)
    with locked(DEFAULT_HOME / "install-chromium.lock"):
        if not _PROGRAM.exists():
            _unpack()
    return _PROGRAM


def _unpack() -> None:
    """Unpack Chromium and the libraries that are not on this machine; nothing is installed."""
    _HOME.mkdir(parents=True, exist_ok=True)
    if shutil.which("apt-get") is None:
        raise BrowserMissing("the browser tests need a program chromium on the PATH")
    print(f"chromium: unpacking Debian's packages into {_HOME}")
    try:
        plan = _run("apt-get", "--simulate", "--no-install-recommends", "install", "chromium")
        packages = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
        _run("apt-get", "--quiet", "--quiet", "download", *packages)
        for package in sorted(_HOME.glob("*.deb")):
            _run("dpkg-deb", "--extract", str(package), ".")
            package.unlink()
    except subprocess.CalledProcessError as error:
        raise BrowserMissing(f"apt has no chromium: {error.stderr}") from None
    libraries = sorted({str(file.parent) for file in _HOME.rglob("*.so*")})
    _PROGRAM.write_text(
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH={':'.join(libraries)}\n"
        f'exec {_HOME}/usr/lib/chromium/chromium "$@"\n'
    )
    _PROGRAM.chmod(0o755)


def _run(*command: str) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=_HOME, env=environment
    )
    return done.stdout
