"""kingbird-standalone: API and engine in one process, with SQLite and no broker."""

from kingbird import concurrency

concurrency.setup()

import sys

from oslo_config import cfg
from oslo_service.service import ServiceBase

from kingbird import service
from kingbird.api.app import DATABASE_SECONDS
from kingbird.cmd.api_service import ApiService
from kingbird.cmd.engine_service import EngineService
from kingbird.cmd.launcher import launch
from kingbird.db import api as db


class StandaloneService(ServiceBase):
    """API and engine in one process, with messages that stay in the process."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._parts: list[ServiceBase] = [EngineService(conf), ApiService(conf)]

    def start(self) -> None:
        """Start the engine, then the API."""
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        """Stop the API, then the engine."""
        for part in reversed(self._parts):
            part.stop()

    def wait(self) -> None:
        """Wait until both have stopped."""
        for part in self._parts:
            part.wait()

    def reset(self) -> None:
        """Reset both at SIGHUP."""
        for part in self._parts:
            part.reset()


def main() -> None:
    """Bring the database up to date, then serve and work until SIGTERM."""
    conf = service.prepare(
        "kingbird-standalone",
        sys.argv[1:],
        # Callers of the API need a response in time, and the engine tolerates the timeout.
        database_timeout=DATABASE_SECONDS,
        # A deployment with a broker runs the other programs.
        in_process=True,
    )
    db.migration.sync()
    launch(conf, StandaloneService(conf), has_engine=True)


if __name__ == "__main__":
    main()
