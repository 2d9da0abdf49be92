"""Finds the process at the other end of a connection on loopback."""

import os
from collections.abc import Iterable
from pathlib import Path

_LOOPBACK = "0100007F"


def _inode(port: int) -> str | None:
    """Return the inode of the socket with a local port."""
    mine = f"{_LOOPBACK}:{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1] == mine and words[9] != "0":
            return words[9]
    return None


def _holds(pid: int, inode: str) -> bool:
    name = f"socket:[{inode}]"
    try:
        return any(os.readlink(entry.path) == name for entry in os.scandir(f"/proc/{pid}/fd"))
    except OSError:
        # The process or one of its files has gone meanwhile.
        return False


def owner(port: int, pids: Iterable[int]) -> int | None:
    """Return which of some processes holds the connection that comes from a port."""
    inode = _inode(port)
    if inode is None:
        return None
    return next((pid for pid in pids if _holds(pid, inode)), None)
