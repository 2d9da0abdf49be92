"""Measure what programs use for their work: processor time, and calls of the database."""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.counting import Counted, command, read
from benchmarks.service import Service
from kingbird.tests.functional.programs import Program


def cpu(program: Program) -> float:
    """Return the seconds of processor time of a program, of all its processes and threads."""
    ticks = 0
    for pid in program.pids:
        # The name of a program, which may hold spaces, stands in parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Work:
    """The processor time and the database calls of an engine since its start.

    :ivar seconds: its processor time, of all threads.
    """

    seconds: float
    database: Counted

    def since(self, before: "Work") -> "Work":
        """Return the difference to an earlier measurement."""
        return Work(self.seconds - before.seconds, self.database.since(before.database))

    def text(self, count: int, noun: str) -> str:
        """Return the calls of the database for each of some things."""
        return (
            f"{self.database.statements / count:.3f} statements, "
            f"{self.database.ended / count:.3f} commits and "
            f"{self.database.bytes / count:.0f} bytes sent to the database, {noun}"
        )


class CountedEngine:
    """An engine that counts its statements.

    :param kingbird: runs without an engine so far.
    """

    def __init__(self, kingbird: Service) -> None:
        self._file = kingbird.deployment.config.with_name("count-of-engine")
        running = kingbird.deployment
        self._program = running.start_engine(*command(self._file, "engine"))
        running.wait_until_ready()

    def work(self) -> Work:
        """Return what the engine has used since its start."""
        return Work(cpu(self._program), read(self._file))
