"""The files of a service's counters, shared by its worker processes.

Each process writes files of its own, and whoever is asked adds them up.  Two locks, which the
kernel drops with the process that holds them, need no supervisor: the first process of a service
finds nobody else and clears away what an earlier run left; and one process at a time answers.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO


class MultiprocessDir:
    """The directory of one service on one host.

    :raises OSError: it can't be made or written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._member_lock: IO[bytes] | None = None
        self._leader_lock: IO[bytes] | None = None

    def join(self) -> None:
        """Become one of the service's processes; the first one clears the directory.

        :raises OSError: it can't be written to.
        """
        self._member_lock = (self.path / "alive.lock").open("ab")
        try:
            fcntl.flock(self._member_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # There are others; if one of them is clearing, this waits for its end.
            fcntl.flock(self._member_lock, fcntl.LOCK_SH)
            return
        for file in self.path.glob("*.db"):
            file.unlink()
        fcntl.flock(self._member_lock, fcntl.LOCK_SH)

    def drop_inherited_locks(self) -> None:
        """Let go of what a fork brought along: these locks are the parent's."""
        for file in (self._member_lock, self._leader_lock):
            if file is not None:
                file.close()
        self._member_lock = self._leader_lock = None

    def try_lead(self) -> bool:
        """Whether this process is the one that answers, as of now."""
        if self._leader_lock is not None:
            return True
        file = (self.path / "answering.lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._leader_lock = file
        return True

    def remove_dead_gauges(self) -> None:
        """Drop the states that processes have left which are no more; their counts stay."""
        for file in self.path.glob("gauge_live*_*.db"):
            pid = file.stem.rpartition("_")[2]
            if pid.isdigit() and not _is_running(int(pid)):
                file.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    with contextlib.suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
