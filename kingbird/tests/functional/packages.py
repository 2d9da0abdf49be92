"""Builds the packages of this tree and installs them into empty environments."""

import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

from kingbird.tests.functional.programs import BIN, environment
from kingbird.tests.waiting import LONG_PATIENCE

ROOT = Path(__file__).resolve().parents[3]
#: The version of a release, because git has no tag for unreleased work.
VERSION = "9.8.7"


def call(*command: str | Path, folder: Path | None = None, **variables: str) -> str:
    """Run a program that has to succeed, in an environment without this tree.

    :returns: its output.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**environment(**network()), "PYTHONPATH": "", **variables},
        capture_output=True,
        text=True,
        timeout=LONG_PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def network() -> dict[str, str]:
    """Return the variables for package downloads, which depend on the environment of the tests."""
    beginnings = ("UV_", "PIP_", "SSL_CERT_", "REQUESTS_CA_", "HTTP_PROXY", "HTTPS_PROXY")
    names = [name for name in os.environ if name.upper().startswith((*beginnings, "NO_PROXY"))]
    return {name: os.environ[name] for name in names}


def tracked() -> list[str]:
    """Return the files that belong to the tree, new ones too."""
    listed = call("git", "ls-files", "-z", "-co", "--exclude-standard", folder=ROOT)
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def copy_source(source: Path) -> list[str]:
    """Copy the tree into its own repository, because pbr asks git for files and version.

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
    """A source package and its wheel.

    :param folder: a new folder for the results.
    :param part: the folder of a separate package within the tree; by default the tree itself.
    """

    def __init__(self, folder: Path, part: str = "") -> None:
        source, dist = folder / "source", folder / "dist"
        within = f"{part}/" if part else ""
        #: The files of the package, relative to its own folder.
        self.files = [
            name.removeprefix(within) for name in copy_source(source) if name.startswith(within)
        ]
        build = ("-m", "build", "--installer", "uv")
        call(BIN / "python", *build, "--outdir", dist, source / part, PBR_VERSION=VERSION)
        (self.wheel,) = dist.glob("*.whl")
        (self.sdist,) = dist.glob("*.tar.gz")

    @property
    def in_wheel(self) -> set[str]:
        """Return the files that the wheel would install."""
        with zipfile.ZipFile(self.wheel) as archive:
            return set(archive.namelist())

    @property
    def in_sdist(self) -> set[str]:
        """Return the files of the source package, without its top folder."""
        with tarfile.open(self.sdist) as archive:
            return {
                member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()
            }


class Environment:
    """A virtual environment with only a wheel and its requirements."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        call(BIN / "uv", "venv", "--quiet", "--python", BIN / "python", folder)
        call(BIN / "uv", "pip", "install", "--quiet", "--python", self.bin / "python", wheel)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    def run(self, program: str, *words: str | Path) -> str:
        """Run a program of the environment, which has to succeed, and return its output."""
        return call(self.bin / program, *words, folder=self.folder)

    def python(self, script: str) -> object:
        """Run a script that prints JSON, and return the parsed output."""
        return json.loads(self.run("python", "-c", script))
