"""kingbird-standalone: API, engine and listener in one process, with SQLite and no broker."""

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
from kingbird.cmd.listener_service import ListenerService, check
from kingbird.db import api as db


class StandaloneService(ServiceBase):
    """API and engine in one process, with messages that stay in the process.

    A listener is among them if there are regions to hear, which have brokers of their own.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._parts: list[ServiceBase] = [EngineService(conf), ApiService(conf)]
        if conf.listener.regions:
            self._parts.insert(1, ListenerService(conf))

    def start(self) -> None:
        """Start the engine first, and the API last."""
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        """Stop the API first, and the engine last."""
        for part in reversed(self._parts):
            part.stop()

    def wait(self) -> None:
        """Wait until all have stopped."""
        for part in self._parts:
            part.wait()

    def reset(self) -> None:
        """Reset all at SIGHUP."""
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
    check(conf)
    db.migration.sync()
    launch(conf, StandaloneService(conf), has_engine=True)
