"""Start and end a cloud and its Kingbird together; all files are under .run."""

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
    """A cloud and a Kingbird, either of `up` and `down` or of the demonstration.

    :param prefix: the prefix of the folders' names.
    :param free_ports: use free ports instead of the usual ones.
    """

    def __init__(self, prefix: str = "", free_ports: bool = False) -> None:
        self.free_ports = free_ports
        self.cloud = Cloud(RUN / f"{prefix}cloud", free_ports=free_ports)
        self.service = Service(RUN / f"{prefix}kingbird")

    def start(self, fresh: bool = False) -> bool:
        """Start what does not run, and register Kingbird in every region.

        If this fails, the caller stops the processes.

        :param fresh: begin with an empty cloud and an empty database.
        :returns: False if everything was running already.
        :raises minicloud.MinicloudError: the cloud cannot be started, or a port is taken.
        :raises DemoError: Kingbird cannot be started.
        """
        if fresh:
            self.service.stop()
            self.service.wipe()
        missing = self.service.pid is None
        # The port is chosen first, because starting the cloud takes a while.
        port = self.service.choose_port(self.free_ports) if missing else 0
        changed = self.cloud.up(fresh=fresh)
        if missing:
            self.service.start(
                port, self.cloud.credentials("kingbird"), self.cloud.regions, self.cloud.broker
            )
        if missing or changed:
            endpoints = dict.fromkeys(self.cloud.regions, self.service.url)
            self.cloud.register_service(SERVICE_TYPE, "kingbird", endpoints)
        return missing or changed

    def stop(self) -> list[str]:
        """End both, without interruption by Ctrl-C.

        :returns: the names of the processes that were running.
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
        """Return the names of the running processes."""
        names = ["kingbird"] if self.service.pid else []
        if self.cloud.state.description.exists():
            names += [status.process for status in self.cloud.status() if status.pid]
        return names


@contextlib.contextmanager
def alone(name: str, refusal: str) -> Iterator[None]:
    """Hold a lock until this process ends.

    :raises DemoError: another process holds the lock; ``refusal`` is the message.
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
    """Ignore Ctrl-C and similar signals in the block."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
