"""A shell that runs the commands of the documentation as they stand."""

import os
import pty
import select
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kingbird.tests.waiting import LONG_PATIENCE


class Shell:
    """Runs commands in order.  A variable that one command sets is available to the next.

    :param folder: the working directory.
    :param replacements: texts of the page and their replacements at this site, in order.
    :param variables: the initial environment.
    """

    def __init__(
        self, folder: Path, replacements: Mapping[str, str], variables: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.replacements = dict(replacements)
        self._variables = dict(variables)
        self._state = folder / ".exported"
        self._state.write_text("")

    def translate(self, text: str) -> str:
        """Return a text of the page with the replacements of this site."""
        for old, new in self.replacements.items():
            text = text.replace(old, new)
        return text

    def script(self, command: str) -> str:
        """Return a script that runs a command until it is stopped."""
        return f"cd {self.folder}; . {self._state}; exec {self.translate(command)}"

    def run(self, command: str, *, exits: int = 0, answer: str | None = None) -> str:
        """Run a command.

        :param exits: the expected exit status.
        :param answer: the reply to each prompt for a password.
        :returns: its standard output and its standard error.
        """
        script = (
            f"set -a -o pipefail; . {self._state}; {self.translate(command)}\n"
            f"code=$?; export -p > {self._state}; exit $code"
        )
        status, output = self._typed(script, answer) if answer else self._plain(script)
        assert status == exits, f"{self.translate(command)}: {status}\n{output}"
        return output

    def _plain(self, script: str) -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=self.folder,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONG_PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout

    def _typed(self, script: str, answer: str) -> tuple[int, str]:
        # A program asks for a password only on a terminal.
        master, slave = pty.openpty()
        try:
            process = subprocess.Popen(
                ["/bin/bash", "-c", script],
                cwd=self.folder,
                env=self._variables,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
            )
            os.close(slave)
            output = _converse(master, answer)
            return process.wait(LONG_PATIENCE), output
        finally:
            os.close(master)


def _converse(terminal: int, answer: str) -> str:
    """Answer prompts until the other side closes the terminal."""
    output, answered = b"", 0
    while select.select([terminal], [], [], LONG_PATIENCE)[0]:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux reports the end of a terminal this way.
            break
        output += chunk
        while answered < output.count(b"assword:"):
            os.write(terminal, f"{answer}\n".encode())
            answered += 1
    return output.decode().replace("\r\n", "\n")
