"""Create the services' databases with the services' own programs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from minicloud.accounts import PASSWORD
from minicloud.errors import MinicloudError
from minicloud.layout import INSIDE, Home, State
from minicloud.services import clean_environment, tail


class Setup:
    """A running program that creates a service's database.

    The database gets its name only when it is complete, so an interrupted setup is repeated. Each
    target gets a copy.
    """

    def __init__(
        self, state: State, service: str, command: Sequence[str | Path], targets: Sequence[Path]
    ) -> None:
        self._log = state.log(f"{service}-setup")
        self._service, self._targets = service, targets
        self._unfinished = state.path / "db" / f"{service}.unfinished"
        self._unfinished.unlink(missing_ok=True)
        environment = clean_environment()
        # oslo.config prefers the variable to the option in the file.
        environment["OS_DATABASE__CONNECTION"] = f"sqlite:///{self._unfinished}"
        with self._log.open("ab") as log:
            self._program = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def has_ended(self) -> bool:
        return self._program.poll() is not None

    def finish(self) -> None:
        """Wait for the program, and copy the database to its targets.

        :raises MinicloudError: the program failed.
        """
        if self._program.wait():
            raise MinicloudError(f"{self._service}'s setup failed:\n{tail(self._log)}")
        for target in self._targets:
            partial = target.with_suffix(".partial")
            shutil.copyfile(self._unfinished, partial)
            partial.rename(target)
        self._unfinished.unlink()

    def abandon(self) -> None:
        """Kill the program and its children, if it still runs."""
        if not self.has_ended():
            os.killpg(self._program.pid, signal.SIGKILL)
            self._program.wait()


def set_up_keystone(home: Home, state: State, url: str, region: str) -> Setup:
    """Start to create Keystone's database and keys, with the admin and the identity endpoint."""
    conf = state.etc("keystone") / "keystone.conf"
    program = (home.python("keystone"), INSIDE / "keystone_setup.py")
    return Setup(
        state, "keystone", (*program, conf, PASSWORD, url, region), [state.database("keystone")]
    )


def set_up_glances(home: Home, state: State, processes: Sequence[str]) -> Setup:
    """Start one migration for all Glances, whose new databases are the same in every region."""
    conf = state.etc(processes[0]) / "glance-api.conf"
    program = home.venv("glance") / "bin" / "glance-manage"
    command = (program, "--config-file", conf, "db_sync")
    return Setup(state, "glance", command, [state.database(process) for process in processes])
