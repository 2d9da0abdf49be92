"""Builds the packages of the tree as it is, and installs them where nothing else is."""

import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

from kingbird.tests.functional.programs import BIN, environment

ROOT = Path(__file__).resolve().parents[3]
#: A release's, as git has no tag for what is being worked on.
VERSION = "9.8.7"


def call(*command: str | Path, folder: Path | None = None, **variables: str) -> str:
    """Run a program that has to succeed, in an environment that doesn't know this tree.

    :returns: what it printed.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**environment(**network()), "PYTHONPATH": "", **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def network() -> dict[str, str]:
    """Return how packages are to be had, which is a matter of who runs the tests."""
    beginnings = ("UV_", "PIP_", "SSL_CERT_", "REQUESTS_CA_", "HTTP_PROXY", "HTTPS_PROXY")
    names = [name for name in os.environ if name.upper().startswith((*beginnings, "NO_PROXY"))]
    return {name: os.environ[name] for name in names}


def tracked() -> list[str]:
    """Return the files that belong to the tree, new ones too."""
    listed = call("git", "ls-files", "-z", "-co", "--exclude-standard", folder=ROOT)
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def copy_source(source: Path) -> list[str]:
    """Copy the tree into a repository of its own; pbr asks git for files and version.

    :param source: a folder that is to be made.
    :returns: the files.
    """
    files = tracked()
    for name in files:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name)
    identity = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
    call("git", "init", "--quiet", folder=source)
    call("git", "add", "--all", "--force", folder=source)
    call("git", *identity, "commit", "--quiet", "--message", "All", folder=source)
    return files


class Packages:
    """A source package, and the wheel that was made of it.

    :param folder: a new folder for all that is made.
    :param part: the folder within the tree that is a package by itself; the tree without.
    """

    def __init__(self, folder: Path, part: str = "") -> None:
        source, dist = folder / "source", folder / "dist"
        within = f"{part}/" if part else ""
        #: Those that belong to it, from its own folder.
        self.files = [
            name.removeprefix(within) for name in copy_source(source) if name.startswith(within)
        ]
        build = ("-m", "build", "--installer", "uv")
        call(BIN / "python", *build, "--outdir", dist, source / part, PBR_VERSION=VERSION)
        (self.wheel,) = dist.glob("*.whl")
        (self.sdist,) = dist.glob("*.tar.gz")

    @property
    def in_wheel(self) -> set[str]:
        """What the wheel would install."""
        with zipfile.ZipFile(self.wheel) as archive:
            return set(archive.namelist())

    @property
    def in_sdist(self) -> set[str]:
        """The files of the source package, without the folder that holds them all."""
        with tarfile.open(self.sdist) as archive:
            return {
                member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()
            }


class Environment:
    """A virtual environment with a wheel and what it requires, and nothing else."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        call(BIN / "uv", "venv", "--quiet", "--python", BIN / "python", folder)
        call(BIN / "uv", "pip", "install", "--quiet", "--python", self.bin / "python", wheel)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    def run(self, program: str, *words: str | Path) -> str:
        """Run one of its programs, which has to succeed, and return what it printed."""
        return call(self.bin / program, *words, folder=self.folder)

    def python(self, script: str) -> object:
        """Run a script that prints JSON, and return what that says."""
        return json.loads(self.run("python", "-c", script))
