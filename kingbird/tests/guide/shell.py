"""A shell in which the documentation's commands are run as they stand."""

import os
import pty
import select
import subprocess
from collections.abc import Mapping
from pathlib import Path

#: Seconds for one command.
TIMEOUT = 180


class Shell:
    """Runs commands one after another; variables that one sets are there for the next one.

    :param folder: where they run.
    :param replacements: what is at this site instead of what the page has, in this order.
    :param variables: the environment that they begin with.
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
        """Return a text of the page as it is at this site."""
        for old, new in self.replacements.items():
            text = text.replace(old, new)
        return text

    def script(self, command: str) -> str:
        """Return what a shell has to run for a command that goes on until it is stopped."""
        return f"cd {self.folder}; . {self._state}; exec {self.translate(command)}"

    def run(self, command: str, *, exits: int = 0, answer: str | None = None) -> str:
        """Run a command.

        :param exits: the exit status that it has to have.
        :param answer: what is typed at each prompt for a password.
        :returns: its output, and what it said beside it.
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
            timeout=TIMEOUT,
            check=False,
        )
        return done.returncode, done.stdout

    def _typed(self, script: str, answer: str) -> tuple[int, str]:
        # Programs ask for a password only where there is a terminal.
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
            return process.wait(TIMEOUT), output
        finally:
            os.close(master)


def _converse(terminal: int, answer: str) -> str:
    """Answer what asks for a password, until the other side closes the terminal."""
    output, answered = b"", 0
    while select.select([terminal], [], [], TIMEOUT)[0]:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # That is how Linux tells of the end.
            break
        output += chunk
        while answered < output.count(b"assword:"):
            os.write(terminal, f"{answer}\n".encode())
            answered += 1
    return output.decode().replace("\r\n", "\n")
