"""kingbird-standalone: API and engine in one process, with SQLite and no broker."""

from kingbird import concurrency

concurrency.setup()

import sys

from oslo_config import cfg
from oslo_service import service

from kingbird import reports
from kingbird.api.app import DATABASE_SECONDS
from kingbird.cmd.api_service import ApiService
from kingbird.cmd.engine_service import EngineService
from kingbird.cmd.launcher import launch
from kingbird.conf import prepare_service
from kingbird.db import api as db
from kingbird.rpc import transport
from kingbird.service import start as start_tracing


class StandaloneService(service.ServiceBase):
    """API and engine in one process, which messages need not leave."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._parts: list[service.ServiceBase] = [EngineService(conf), ApiService(conf)]

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
        """SIGHUP, for both."""
        for part in self._parts:
            part.reset()


def main() -> None:
    """Bring the database up to date, then serve and work until SIGTERM."""
    conf = prepare_service(sys.argv[1:], prog="kingbird-standalone")
    # Whoever needs a broker has several processes, and runs the other programs.
    transport.stay_in_process(conf)
    reports.on_signal(conf)
    start_tracing(conf)
    # The engine bears it, and whoever asks the API is to hear in time.
    db.configure(conf, seconds=DATABASE_SECONDS)
    db.migration.sync()
    launch(conf, StandaloneService(conf), has_engine=True)


if __name__ == "__main__":
    main()
