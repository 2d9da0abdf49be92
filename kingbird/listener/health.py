"""Know and tell which regions a listener hears."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from kingbird import exception, version
from kingbird.db import api as db

LOG = logging.getLogger(__name__)


def _now() -> int:
    return int(time.time() * 1000)


class Hearing:
    """The state of each region, in the form in which heartbeats store it.  Safe for threads."""

    def __init__(self, regions: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._regions: dict[str, dict[str, Any]] = {
            region: {"connected": False, "heard": None, "since": _now()} for region in regions
        }
        #: Set when a region is connected or no longer is.
        self.changed = threading.Event()

    def heard(self, region: str) -> None:
        """Note that a message of a region came."""
        with self._lock:
            self._regions[region]["heard"] = _now()

    def connected(self, regions: Iterable[str], is_connected: bool) -> None:
        """Note whether messages of some regions can come."""
        with self._lock:
            for region in regions:
                state = self._regions[region]
                if state["connected"] is not is_connected:
                    state.update(connected=is_connected, since=_now())
                    self.changed.set()

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return a copy of the state by region."""
        with self._lock:
            return {region: dict(state) for region, state in self._regions.items()}


class Heart:
    """Store a listener's heartbeats until it stops.

    :param interval: returns the seconds between two heartbeats.
    """

    def __init__(
        self,
        listener_id: str,
        hearing: Hearing,
        interval: Callable[[], float],
        stopping: threading.Event,
    ) -> None:
        self._id = listener_id
        self._hearing = hearing
        self._interval = interval
        self._stopping = stopping
        self._lock = threading.Lock()

    def run(self) -> None:
        """Store heartbeats, without delay when a region is connected or no longer is."""
        while not self._stopping.is_set():
            self._hearing.changed.clear()
            self._call("store a heartbeat", self._beat)
            self._hearing.changed.wait(self._interval())

    def stop(self) -> None:
        """Delete the listener's row.  Call this after the listener was told to stop."""
        with self._lock:
            self._call("deregister", lambda: db.listeners.deregister(self._id))

    def _beat(self) -> None:
        with self._lock:
            if self._stopping.is_set():
                # The row is deleted, and would be made again.
                return
            db.listeners.beat(
                self._id,
                host=socket.gethostname(),
                pid=os.getpid(),
                version=version.version_string(),
                regions=self._hearing.describe(),
            )

    def _call(self, what: str, function: Callable[[], None]) -> None:
        try:
            function()
        except exception.Unavailable as error:
            LOG.warning("Unable to %s: %s", what, error.message)
        except Exception:
            LOG.exception("Unable to %s", what)
