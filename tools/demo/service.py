"""kingbird-standalone as a process: configuration, start and end."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from minicloud.broker import Broker
from minicloud.config import Options, render
from minicloud.errors import PortTaken
from minicloud.ports import HOST, listen, listen_on_free_port
from minicloud.processes import Process, end, spawn
from minicloud.services import clean_environment, tail

from demo.errors import DemoError

PROGRAM = "kingbird-standalone"
PORT = 8118
START_SECONDS = 60.0
# The service listens on loopback, so a proxy of the environment must not be used.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def configuration(
    folder: Path,
    port: int,
    credentials: Mapping[str, str],
    regions: Sequence[str] = (),
    broker: Broker | None = None,
) -> Options:
    """Return the options of kingbird-standalone by section.

    :param credentials: Kingbird's own user, as arguments of keystoneauth's password plugin.
    :param regions: the regions whose Glances are listened to.
    :param broker: where they send notifications; without one they are asked every second.
    """
    return {
        "listener": {
            "regions": ",".join(regions),
            **({"topic": broker.topic} if broker else {"poll_interval": "1"}),
        },
        **(_heard(regions, broker) if broker else {}),
        # Full runs of the demonstration's rule follow each other quickly.
        "rules": {"min_interval": "5"},
        "DEFAULT": {"state_path": str(folder)},
        "database": {"connection": f"sqlite:///{folder}/kingbird.sqlite"},
        "api": {"host": HOST, "port": str(port)},
        # Shorter than the time after which a process is killed.
        "engine": {"graceful_shutdown_timeout": "5"},
        "keystone_authtoken": {
            "www_authenticate_uri": credentials["auth_url"],
            "auth_type": "password",
            **credentials,
        },
    }


def _heard(regions: Sequence[str], broker: Broker) -> Options:
    """Return the options that tell how each region's Glance is heard."""
    return {
        f"listener:{region}": {
            "transport_url": broker.transport_url,
            "publisher_id": f"^{re.escape(broker.publisher(region))}$",
        }
        for region in regions
    }


def _environment() -> dict[str, str]:
    """Return the environment, with the caller's concurrency backend."""
    name = "KINGBIRD_CONCURRENCY_BACKEND"
    chosen = {name: os.environ[name]} if name in os.environ else {}
    return {**clean_environment(), **chosen}


class Service:
    """A kingbird-standalone whose files are in one folder.

    :param folder: the folder.  A service that runs there already is used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "kingbird.conf"
        self.log = folder / "kingbird.log"
        self._record = folder / "pid.json"

    @property
    def url(self) -> str:
        """Return the URL for the catalog."""
        return f"http://{HOST}:{self.port}/v1.0"

    @property
    def port(self) -> int | None:
        """Return the configured port, or None if the service never ran."""
        parser = configparser.RawConfigParser()
        parser.read(self.config)
        return parser.getint("api", "port", fallback=None)

    @property
    def pid(self) -> int | None:
        """Return the process id, or None if the service does not run."""
        found = Process.load(self._record)
        return found.pid if found and found.is_running() else None

    def choose_port(self, free_ports: bool) -> int:
        """Return a free port: the previous one, or else the usual one.

        The port is not reserved until the service listens.  If another process takes it meanwhile,
        the service does not start.

        :param free_ports: choose any free port if that one is taken, or if there was none.
        :raises PortTaken: another process listens on the port.
        """
        known = self.port
        if known is None and not free_ports:
            known = PORT
        if known is not None:
            try:
                listen(known).close()
                return known
            except PortTaken:
                if not free_ports:
                    raise
        with listen_on_free_port() as listener:
            return int(listener.getsockname()[1])

    def start(
        self,
        port: int,
        credentials: Mapping[str, str],
        regions: Sequence[str] = (),
        broker: Broker | None = None,
    ) -> None:
        """Start the service with a new configuration, and wait until it answers.

        The parameters are those of :func:`configuration`.

        :raises DemoError: the service does not answer.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        options = configuration(self.folder, port, credentials, regions, broker)
        self.config.write_text(render(options, {}))
        program = Path(sys.executable).with_name(PROGRAM)
        command = (sys.executable, str(program), "--config-file", str(self.config))
        # The service reads an empty standard input, because its other end is closed.
        nothing, other_end = socket.socketpair()
        other_end.close()
        with nothing:
            spawn(command, _environment(), nothing, self.log, self._record)
        self._wait_until_ready()

    def stop(self) -> bool:
        """End the service, and return True if it was running."""
        process = Process.load(self._record)
        running = process is not None and process.is_running()
        if process and running:
            end([process])
            # Its workers are in its process group.  They remain if the service had to be killed.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self._record.unlink(missing_ok=True)
        return running

    def wipe(self) -> None:
        """Delete jobs, log and configuration of a service that does not run."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def tail(self) -> str:
        """Return the end of the log."""
        return tail(self.log, lines=30)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            # The pause comes first, because a new process has no command line for a moment.
            time.sleep(0.1)
            if self.pid is None:
                raise DemoError(f"{PROGRAM} ended at once")
            if time.monotonic() > deadline:
                raise DemoError(f"{PROGRAM} gave no answer in {START_SECONDS:.0f} s")

    def _answers(self) -> bool:
        try:
            with _OPENER.open(self.url, timeout=5):
                return True
        except urllib.error.HTTPError as error:
            raise DemoError(f"{self.url} answers {error.code} {error.reason}") from None
        except OSError:
            return False
