"""Horizon's own virtual environment, apart from Kingbird's and the services'."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from minicloud.install import installer
from minicloud.layout import DEFAULT_HOME, Home, locked

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "horizon_plugin"
#: The release that Kingbird is tried with; ``oldest`` is the oldest series that is supported.
RELEASES = {"newest": "constraints.txt", "oldest": "constraints-oldest.txt"}


class Environment:
    """A virtual environment with a release of Horizon, the plugin and its tests.

    :param release: a word of :data:`RELEASES`.
    """

    def __init__(self, release: str = "newest") -> None:
        suffix = "" if release == "newest" else f"-{release}"
        self.constraints = Path(__file__).with_name(RELEASES[release])
        self.path = DEFAULT_HOME / f"venv-horizon{suffix}"
        self.static = DEFAULT_HOME / f"static-horizon{suffix}"
        self.python = self.path / "bin" / "python"
        self._stamp = self.path / "kingbird-stamp"

    @property
    def dashboard(self) -> Path:
        """Return the folder of the installed openstack_dashboard."""
        version = ".".join(map(str, sys.version_info[:2]))
        return self.path / "lib" / f"python{version}" / "site-packages" / "openstack_dashboard"

    def install(self) -> None:
        """Create the environment if it is missing or was made from other constraints.

        The plugin is installed in place, so a change to it needs no new installation.

        :raises subprocess.CalledProcessError: a package cannot be installed.
        """
        with locked(DEFAULT_HOME / f"install-{self.path.name}.lock"):
            if not (self._stamp.is_file() and self._stamp.read_text() == self._fingerprint()):
                print(f"horizon: installing into {self.path}")
                self._install()
            self._enable()

    def _install(self) -> None:
        uv = _installer()
        _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, self.path)
        _run(
            # Horizon uses a third of the modules, and compiles these the first time.
            *(uv, "pip", "install", "--quiet", "--python", self.python),
            *("--constraint", self.constraints, "--editable", f"{PLUGIN}[test,browser]"),
        )
        self._stamp.write_text(self._fingerprint())

    def _enable(self) -> None:
        """Put the plugin's files where Horizon looks for them, as the guide does."""
        package = PLUGIN / "kingbird_dashboard"
        for folder, place in (("enabled", "enabled"), ("local_settings.d", "local_settings.d")):
            target = self.dashboard / "local" / place
            target.mkdir(exist_ok=True)
            for file in sorted((package / folder).glob("_[0-9]*.py")):
                shutil.copy(file, target)

    def _fingerprint(self) -> str:
        version = ".".join(map(str, sys.version_info[:2]))
        about = tomllib.loads((PLUGIN / "pyproject.toml").read_text())
        texts = (version, self.constraints.read_text(), repr(about["project"]))
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _installer() -> Path:
    """Return uv, of this environment or in one of its own."""
    uv = Path(sys.executable).with_name("uv")
    return uv if uv.exists() else installer(Home(DEFAULT_HOME))


def _run(*command: str | Path) -> None:
    environment = {"UV_SYSTEM_CERTS": "true", **os.environ}
    # uv does not read pip's settings.  An index set for pip is used for both.
    if "PIP_INDEX_URL" in environment:
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    subprocess.run(command, check=True, env=environment, stdout=sys.stderr)
