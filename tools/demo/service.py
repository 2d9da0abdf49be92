"""kingbird-standalone as a process: its configuration, its start and its end."""

from __future__ import annotations

import configparser
import contextlib
import os
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from minicloud.config import Options, render
from minicloud.errors import PortTaken
from minicloud.ports import HOST, listen, listen_on_free_port
from minicloud.processes import Process, end, spawn
from minicloud.services import clean_environment, tail

from demo.errors import DemoError

PROGRAM = "kingbird-standalone"
PORT = 8118
START_SECONDS = 60.0
# The service is on loopback, so a proxy from the environment must not be asked.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def configuration(folder: Path, port: int, credentials: Mapping[str, str]) -> Options:
    """What kingbird-standalone is told: section -> option -> value.

    :param credentials: of Kingbird's own user, as keystoneauth's password plugin takes them.
    """
    return {
        "DEFAULT": {"state_path": str(folder)},
        "database": {"connection": f"sqlite:///{folder}/kingbird.sqlite"},
        "api": {"host": HOST, "port": str(port)},
        # Below the time after which a process that does not end is killed.
        "engine": {"graceful_shutdown_timeout": "5"},
        "keystone_authtoken": {
            "www_authenticate_uri": credentials["auth_url"],
            "auth_type": "password",
            **credentials,
        },
    }


def _environment() -> dict[str, str]:
    """What the caller's environment says of the concurrency backend goes through."""
    name = "KINGBIRD_CONCURRENCY_BACKEND"
    chosen = {name: os.environ[name]} if name in os.environ else {}
    return {**clean_environment(), **chosen}


class Service:
    """A kingbird-standalone whose files are in one folder.

    :param folder: the folder; a service that runs there already is used as it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "kingbird.conf"
        self.log = folder / "kingbird.log"
        self._record = folder / "pid.json"

    @property
    def url(self) -> str:
        """What goes into the catalog."""
        return f"http://{HOST}:{self.port}/v1.0"

    @property
    def port(self) -> int | None:
        """The port that it was told; None if it never ran."""
        parser = configparser.RawConfigParser()
        parser.read(self.config)
        return parser.getint("api", "port", fallback=None)

    @property
    def pid(self) -> int | None:
        """None if it does not run."""
        found = Process.load(self._record)
        return found.pid if found and found.is_running() else None

    def choose_port(self, free_ports: bool) -> int:
        """The port to run on: the one that it had, or else the usual one.

        It is free now. Nobody can hold it until the service listens, as with the cloud's, so
        another process may come first: the service does not get ready then.

        :param free_ports: take any port where that one is taken, or there was none.
        :raises PortTaken: if another process listens there.
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

    def start(self, port: int, credentials: Mapping[str, str]) -> None:
        """Start it with a configuration made anew, and wait until it answers.

        :raises DemoError: if it does not.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        options = configuration(self.folder, port, credentials)
        self.config.write_text(render(options, {}))
        program = Path(sys.executable).with_name(PROGRAM)
        command = (sys.executable, str(program), "--config-file", str(self.config))
        # It reads nothing: the other end of its standard input is closed.
        nothing, other_end = socket.socketpair()
        other_end.close()
        with nothing:
            spawn(command, _environment(), nothing, self.log, self._record)
        self._wait_until_ready()

    def stop(self) -> bool:
        """End it. Returns whether it ran."""
        process = Process.load(self._record)
        running = process is not None and process.is_running()
        if process and running:
            end([process])
            # Its workers are in its process group; they are left if it had to be killed.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self._record.unlink(missing_ok=True)
        return running

    def wipe(self) -> None:
        """Forget jobs, log and configuration of a service that does not run."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def tail(self) -> str:
        """The end of the log."""
        return tail(self.log, lines=30)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            # First, as a process has no command line for a moment after its start.
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
