"""Paths: the home of the installed services, and the state of one cloud."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SERVICES = ("keystone", "glance")
CONSTRAINTS = Path(__file__).with_name("constraints")
INSIDE = Path(__file__).with_name("inside")
DEFAULT_HOME = Path(__file__).resolve().parents[2] / ".minicloud"
DEFAULT_STATE = DEFAULT_HOME / "cloud"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; another process that wants it waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Home:
    """The virtual environments, which all clouds of this home share."""

    path: Path

    def venv(self, service: str) -> Path:
        return self.path / f"venv-{service}"

    def python(self, service: str) -> Path:
        return self.venv(service) / "bin" / "python"

    def stamp(self, service: str) -> Path:
        """Return the file with the constraints' fingerprint, which is written last."""
        return self.venv(service) / "minicloud-stamp"

    @property
    def installer(self) -> Path:
        return self.path / "venv-uv"

    @property
    def lock(self) -> Path:
        return self.path / "install.lock"


@dataclass(frozen=True)
class State:
    """The files of one cloud, all of them in `path`."""

    path: Path

    @property
    def description(self) -> Path:
        return self.path / "cloud.json"

    @property
    def clouds_yaml(self) -> Path:
        return self.path / "clouds.yaml"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    def openrc(self, user: str) -> Path:
        return self.path / f"openrc-{user}"

    def etc(self, process: str) -> Path:
        return self.path / "etc" / process

    def database(self, process: str) -> Path:
        return self.path / "db" / f"{process}.sqlite"

    def data(self, process: str) -> Path:
        return self.path / "data" / process

    def log(self, process: str) -> Path:
        """Return the file with the output of a process and its log."""
        return self.path / "log" / f"{process}.log"

    def pid(self, process: str) -> Path:
        return self.path / "run" / f"{process}.json"

    def recorded(self) -> list[str]:
        """Return the names of processes that have a pid record, running or not."""
        return sorted(record.stem for record in (self.path / "run").glob("*.json"))

    def make_folders(self) -> None:
        for name in ("etc", "db", "data", "log", "run"):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def wipe(self) -> None:
        """Delete the files of a cloud, and no other files in the folder."""
        for name in ("etc", "db", "data", "log", "run"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for file in (self.description, self.clouds_yaml, *self.path.glob("openrc-*")):
            file.unlink(missing_ok=True)
