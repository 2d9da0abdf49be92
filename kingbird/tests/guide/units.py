"""Reads systemd units as systemd does, as far as tests need it."""

import shlex
from pathlib import Path, PurePosixPath

from kingbird.tests.guide.pages import ROOT

FOLDER = ROOT / "etc" / "systemd"
#: The folders that systemd creates for a service.
PLACES = {"RuntimeDirectory": "/run", "StateDirectory": "/var/lib", "LogsDirectory": "/var/log"}


class Unit:
    """The unit of a program.

    :param name: the name of the program.
    """

    def __init__(self, name: str) -> None:
        self.path: Path = FOLDER / f"{name}.service"
        lines = self.path.read_text().splitlines()
        # A comment does not end a continued line.
        text = "\n".join(line for line in lines if not line.startswith(("#", ";")))
        self._settings = [
            tuple(line.split("=", 1))
            for line in text.replace("\\\n", " ").splitlines()
            if "=" in line
        ]

    def settings(self, key: str) -> list[str]:
        """Return the values of a setting."""
        return [value for name, value in self._settings if name == key]

    def command(self, key: str = "ExecStart") -> list[str]:
        """Return the words of the only command of a setting."""
        (text,) = self.settings(key)
        return shlex.split(text)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that the unit sets."""
        words = shlex.split(" ".join(self.settings("Environment")))
        return {name: value for name, _, value in (word.partition("=") for word in words)}

    def may_write(self, path: str) -> bool:
        """Return True if a path is in a folder that is made for the service.

        Others are read-only.
        """
        made = [
            PurePosixPath(place) / name
            for key, place in PLACES.items()
            for value in self.settings(key)
            for name in value.split()
        ]
        return any(PurePosixPath(path).is_relative_to(folder) for folder in made)
