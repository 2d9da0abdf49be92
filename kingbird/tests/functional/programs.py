"""Kingbird's programs as separate processes, which are ended by their pids."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

import requests

from kingbird import concurrency
from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.waiting import PATIENCE, eventually

__all__ = ["BIN", "Program", "environment", "eventually", "free_port", "run"]

#: The folder of the programs.  It is not resolved, because python in a virtual environment is a
#: link.
BIN = Path(sys.executable).parent
#: Seconds for one try of a caller who polls.
ANSWER = 30


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a program, without inherited OS_* and KINGBIRD_* variables."""
    kept = {
        name: os.environ[name]
        for name in ("HOME", "LANG", "TMPDIR", "TZ", "PYTHONPATH")
        if name in os.environ
    }
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore", **more}


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program from the virtual environment until it ends."""
    program, *arguments = command
    done = subprocess.run(
        [BIN / program, *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    WATCH.answered({}, f"{done.stdout}{done.stderr}".encode())
    return done


def free_port() -> int:
    """Return a port below the kernel's range for clients, so that it stays free."""
    from minicloud.ports import listen_on_free_port

    with contextlib.closing(listen_on_free_port()) as listener:
        return int(listener.getsockname()[1])


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


class Program:
    """A running program with its log.

    :param backend: the concurrency backend of the program.
    :param listener: a listening socket that the program inherits.
    """

    def __init__(
        self,
        command: list[str],
        log: Path,
        *,
        backend: str,
        listener: socket.socket | None = None,
        **variables: str,
    ) -> None:
        self.name = command[0]
        self.log = log
        self._asked = False
        self._output: IO[bytes] = log.open("ab")
        self._process = subprocess.Popen(
            [BIN / command[0], *command[1:]],
            env=environment(**{concurrency.ENVIRONMENT: backend}, **variables),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            pass_fds=[listener.fileno()] if listener else [],
            # The program leads its own session, so that its children can be ended with it.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Return True if the program has not ended."""
        return self._process.poll() is None

    @property
    def pids(self) -> set[int]:
        """Return the pids of the program and its children, such as forked workers."""
        return {pid for pid in _all_pids() if _session(pid) == self.pid}

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program and its children."""
        os.killpg(self.pid, number)

    def send_alone(self, number: signal.Signals) -> None:
        """Send a signal to the program, but not to its children."""
        os.kill(self.pid, number)

    def check(self) -> None:
        """Raise if the program has ended by itself."""
        code = self._process.poll()
        assert code is None, f"{self.name} ended with {code}:\n{self.tail()}"

    def tail(self, lines: int = 40) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def answers(self, url: str, path: str = "/") -> bool:
        """Return True if the URL answers with a status below 400.  Callers poll this."""
        self.check()
        try:
            with requests.Session() as session:
                session.trust_env = False
                return session.get(f"{url}{path}", timeout=ANSWER).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """Kill the program and its children at once, as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._output.close()

    def terminate(self) -> None:
        """Send SIGTERM to the program once.  :meth:`stop` waits for the end."""
        if self._process.poll() is None and not self._asked:
            self._asked = True
            self._process.terminate()

    def stop(self) -> int:
        """Stop the program in an orderly way.

        :returns: its exit status; a negative signal number if it had to be killed.
        """
        if self._process.poll() is None:
            self.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE)
        self.kill()
        return self._process.returncode
