"""The files of a service's counters, which its worker processes share.

Each process writes its own files, and the serving process adds them up.  Two file locks, which the
kernel releases when a process ends, replace a supervisor.  A process that gets the first one
exclusively is the first of the service and deletes the files of an earlier run.  The second one is
held by the process that serves.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO


class MultiprocessDir:
    """The directory of one service on one host.

    :raises OSError: the directory cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._member_lock: IO[bytes] | None = None
        self._leader_lock: IO[bytes] | None = None

    def join(self) -> None:
        """Become one of the service's processes.  The first one clears the directory.

        :raises OSError: the directory is not writable.
        """
        self._member_lock = (self.path / "alive.lock").open("ab")
        try:
            fcntl.flock(self._member_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # There are other processes.  If one of them is clearing the directory, this waits for
            # it.
            fcntl.flock(self._member_lock, fcntl.LOCK_SH)
            return
        for file in self.path.glob("*.db"):
            file.unlink()
        fcntl.flock(self._member_lock, fcntl.LOCK_SH)

    def drop_inherited_locks(self) -> None:
        """Close the locks that a fork has copied, because they belong to the parent."""
        for file in (self._member_lock, self._leader_lock):
            if file is not None:
                file.close()
        self._member_lock = self._leader_lock = None

    def try_lead(self) -> bool:
        """Return True if this process serves the metrics from now on, or does already."""
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
        """Delete the gauges of processes that have ended.  Their counters stay."""
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
