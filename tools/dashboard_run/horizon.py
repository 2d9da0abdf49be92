"""Horizon as a process: start and end."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

from demo.errors import DemoError
from minicloud.errors import PortTaken
from minicloud.ports import HOST, listen, listen_on_free_port
from minicloud.processes import Process, end, spawn
from minicloud.rest import answers
from minicloud.services import tail

from dashboard_run import settings, static_files
from dashboard_run.environment import Environment

PORT = 8080
START_SECONDS = 60.0


class Horizon:
    """A Horizon whose files are in one folder.

    :param folder: the folder.  A Horizon that runs there already is used.
    """

    def __init__(self, folder: Path, environment: Environment) -> None:
        self.folder = folder
        self.log = folder / "horizon.log"
        self._environment = environment
        self._record = folder / "pid.json"
        self._about = folder / "about.json"

    @property
    def url(self) -> str:
        """Return the URL to look at."""
        return f"http://{HOST}:{json.loads(self._about.read_text())['port']}"

    @property
    def pid(self) -> int | None:
        """Return the process id, or None if it does not run."""
        found = Process.load(self._record)
        return found.pid if found and found.is_running() else None

    def start(self, keystone: str, *, free_ports: bool = False) -> None:
        """Start Horizon with a new configuration, and wait until it answers.

        :param keystone: Keystone's URL.
        :raises PortTaken: another process listens on the port.
        :raises DemoError: Horizon does not answer.
        """
        if self.pid:
            return
        port = self._choose_port(free_ports)
        static_files.collect(self._environment)
        variables = settings.write(self.folder, self._environment.static, keystone)
        self._about.write_text(json.dumps({"port": port}))
        command = (
            *(str(self._environment.python), "-m", "django", "runserver"),
            # The server of development is the only one that serves static files by itself.
            *("--noreload", "--insecure", f"{HOST}:{port}"),
        )
        # The process reads an empty standard input, because its other end is closed.
        nothing, other_end = socket.socketpair()
        other_end.close()
        with nothing:
            spawn(command, variables, nothing, self.log, self._record)
        self._wait_until_ready()

    def stop(self) -> bool:
        """End Horizon, and return True if it was running."""
        process = Process.load(self._record)
        running = process is not None and process.is_running()
        if process and running:
            end([process])
        self._record.unlink(missing_ok=True)
        return running

    def _choose_port(self, free_ports: bool) -> int:
        if not free_ports:
            listen(PORT).close()
            return PORT
        known = json.loads(self._about.read_text())["port"] if self._about.exists() else None
        if known:
            try:
                listen(known).close()
                return int(known)
            except PortTaken:
                pass
        with listen_on_free_port() as listener:
            return int(listener.getsockname()[1])

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        # The login asks Keystone for nothing, and compiles what all pages need.
        while not answers(f"{self.url}/auth/login/", timeout=30):
            time.sleep(0.2)
            if self.pid is None:
                raise DemoError(f"Horizon ended at once:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise DemoError(f"Horizon gave no answer:\n{tail(self.log)}")
