"""Run command line clients as a person does."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from minicloud.services import clean_environment

from demo.errors import DemoError

WIDTH = 99
POLL_SECONDS = 0.5


class Client:
    """A program of this virtual environment.

    :param credentials: arguments of keystoneauth's password plugin.
    :param name: ``kingbird``, the published client, or ``openstack``, which has Kingbird's plugin.
    """

    def __init__(self, credentials: Mapping[str, str], name: str = "kingbird") -> None:
        self._name = name
        self._program = Path(sys.executable).with_name(name)
        self._environment = {
            **clean_environment(),
            **{f"OS_{name.upper()}": value for name, value in credentials.items()},
        }

    def show(self, *words: str, note: str = "") -> list[dict[str, str]]:
        """Run a command, and print it with its output.

        :returns: the rows of the printed table: cells by column.
        :raises DemoError: the command failed.
        """
        print(command_text([self._name, *words]) + (f"   # {note}" if note else ""))
        output = self._run(words)
        print(output, end="", flush=True)
        return parse_table(output)

    def wait_until_done(self, job: str, seconds: float) -> None:
        """Poll the active jobs until a job is no longer among them.

        :raises DemoError: the job is still active after the timeout.
        """
        words = ("sync", "list", "--active")
        print(command_text([self._name, *words]) + "   # until the job is not in it any more")
        deadline = time.monotonic() + seconds
        while True:
            output = self._run(words)
            if all(row["ID"] != job for row in parse_table(output)):
                print(output, end="", flush=True)
                return
            if time.monotonic() > deadline:
                print(output, end="", flush=True)
                raise DemoError(f"job {job} is still active after {seconds:.0f} s")
            time.sleep(POLL_SECONDS)

    def _run(self, words: Sequence[str]) -> str:
        command = [str(self._program), *words]
        try:
            done = subprocess.run(
                command,
                check=False,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
        except subprocess.TimeoutExpired:
            raise DemoError(f"{command_text(command)}: no answer in a minute") from None
        # The client also exits with 0 after some errors.
        if done.returncode or done.stderr.startswith("ERROR"):
            raise DemoError(f"{command_text(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout


def command_text(words: Sequence[str]) -> str:
    """Return a command line for pasting, in several lines if it is long."""
    lines, line = [], "$"
    for word in _options_with_values(words):
        if len(line) + 1 + len(word) > WIDTH - 2:
            lines.append(line + " \\")
            line = "     "
        line += f" {word}"
    return "\n".join([*lines, line])


def _options_with_values(words: Sequence[str]) -> list[str]:
    """Return the quoted words, with each option joined to its value."""
    joined: list[str] = []
    for index, word in enumerate(words):
        if index and words[index - 1].startswith("-") and not word.startswith("-"):
            joined[-1] += f" {shlex.quote(word)}"
        else:
            joined.append(shlex.quote(word))
    return joined


def parse_table(text: str) -> list[dict[str, str]]:
    """Return the rows of a table with ``|`` between the cells."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]
