"""A cloud and a Kingbird in it, started and ended together; all their files are under .run."""

from __future__ import annotations

import contextlib
import fcntl
import signal
from collections.abc import Iterator
from pathlib import Path

from minicloud.cloud import Cloud

from demo.errors import DemoError
from demo.service import Service

RUN = Path(__file__).resolve().parents[2] / ".run"
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SERVICE_TYPE = "synchronization"


class Stage:
    """One of two places: that of `up` and `down`, or that of the show.

    :param prefix: what the names of its folders begin with.
    :param free_ports: use free ports rather than the usual ones.
    """

    def __init__(self, prefix: str = "", free_ports: bool = False) -> None:
        self.free_ports = free_ports
        self.cloud = Cloud(RUN / f"{prefix}cloud", free_ports=free_ports)
        self.service = Service(RUN / f"{prefix}kingbird")

    def start(self, fresh: bool = False) -> bool:
        """Start what does not run, and put Kingbird in the catalog of every region.

        If that fails, the caller stops what there is.

        :param fresh: begin with an empty cloud and an empty database.
        :returns: False if everything ran already.
        :raises minicloud.MinicloudError: if the cloud can't be started, or a port is taken.
        :raises DemoError: if Kingbird can't be started.
        """
        if fresh:
            self.service.stop()
            self.service.wipe()
        missing = self.service.pid is None
        # Before the cloud, as that takes a while to start, and in vain if the port is taken.
        port = self.service.choose_port(self.free_ports) if missing else 0
        changed = self.cloud.up(fresh=fresh)
        if missing:
            self.service.start(port, self.cloud.credentials("kingbird"))
        if missing or changed:
            endpoints = dict.fromkeys(self.cloud.regions, self.service.url)
            self.cloud.register_service(SERVICE_TYPE, "kingbird", endpoints)
        return missing or changed

    def stop(self) -> list[str]:
        """End both, and don't let a Ctrl-C come between.

        :returns: what was running.
        """
        ended = []
        with uninterrupted():
            try:
                if self.service.stop():
                    ended.append("kingbird")
            finally:
                ended += self.cloud.down()
        return ended

    def running(self) -> list[str]:
        """The names of the processes that run."""
        names = ["kingbird"] if self.service.pid else []
        if self.cloud.state.description.exists():
            names += [status.process for status in self.cloud.status() if status.pid]
        return names


@contextlib.contextmanager
def alone(name: str, refusal: str) -> Iterator[None]:
    """Hold a lock that ends with this process, however that ends.

    :raises DemoError: with the refusal, if another process holds it.
    """
    RUN.mkdir(exist_ok=True)
    with (RUN / f"{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(refusal) from None
        yield


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and the like do nothing meanwhile."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
