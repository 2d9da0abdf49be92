"""Start service processes, and end them by recorded pid, never by name.

A record contains the pid with the start time of the process and the boot id of the machine.  A pid
that was reused differs in one of them and is left alone.  The command line is recorded for people
only, because programs change their titles.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from minicloud.errors import MinicloudError

GRACE_SECONDS = 10.0
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Process:
    """A process that this package has started."""

    pid: int
    started: int
    """Start time in clock ticks since the machine booted, as in /proc/PID/stat."""
    boot: str
    """The machine's boot since which the start time counts."""
    command: tuple[str, ...] = ()

    @classmethod
    def load(cls, record: Path) -> Process | None:
        """Return the recorded process, or None without a record."""
        try:
            values = json.loads(record.read_text())
        except FileNotFoundError:
            return None
        values["command"] = tuple(values["command"])
        return cls(**values)

    def save(self, record: Path) -> None:
        record.write_text(json.dumps(asdict(self)))

    def is_running(self) -> bool:
        _reap(self.pid)
        return self.boot == boot_id() and start_time(self.pid) == self.started

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if the recorded process still runs."""
        if self.is_running():
            os.kill(self.pid, number)


def spawn(
    command: Sequence[str],
    environment: Mapping[str, str],
    listener: socket.socket,
    log: Path,
    record: Path,
) -> Process:
    """Start a process in its own session, and record it.

    Its standard input is the listening socket.  Its output is appended to the log.
    """
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    files = [
        (os.POSIX_SPAWN_DUP2, listener.fileno(), 0),
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output, 2),
    ]
    # An interrupt must wait until the process is recorded, or nothing would end it.
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        # subprocess is not used, because a Popen would complain that the process outlives this
        # one.
        pid = os.posix_spawn(
            command[0],
            list(command),
            environment,
            file_actions=files,
            setsid=True,
            setsigmask=signals,
        )
        # A process that died at once remains as a zombie until it is reaped.
        started = start_time(pid, or_zombie=True) or 0
        process = Process(pid, started, boot_id(), tuple(command))
        process.save(record)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        os.close(output)
    return process


def end(processes: Sequence[Process]) -> None:
    """End processes at the same time, and wait for them.

    :raises MinicloudError: a process still runs after SIGKILL.
    """
    for process in processes:
        process.send(signal.SIGTERM)
    waiting = _wait(processes, GRACE_SECONDS)
    for process in waiting:
        process.send(signal.SIGKILL)
    if left := _wait(waiting, GRACE_SECONDS):
        pids = ", ".join(str(process.pid) for process in left)
        raise MinicloudError(f"killed, but not gone: {pids}")


def start_time(pid: int, or_zombie: bool = False) -> int | None:
    """Return the start time of a process in clock ticks since boot, or None if it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name, which may contain spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZX" and not or_zombie:
        return None
    return int(fields[19])


def boot_id() -> str:
    """Return the id of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _wait(processes: Sequence[Process], seconds: float) -> list[Process]:
    deadline = time.monotonic() + seconds
    while left := [process for process in processes if process.is_running()]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return left


def _reap(pid: int) -> None:
    """Reap a process if it is an ended child of this one."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
