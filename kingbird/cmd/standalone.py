"""kingbird-standalone: API and engine in one process, with SQLite and no broker."""

from kingbird import concurrency

concurrency.setup()

import sys

from oslo_service import service

from kingbird.cmd.services import StandaloneService
from kingbird.conf import prepare_service
from kingbird.db import api as db
from kingbird.rpc import messaging


def main() -> None:
    """Bring the database up to date, then serve and work until SIGTERM."""
    conf = prepare_service(sys.argv[1:], prog="kingbird-standalone")
    # Whoever needs a broker has several processes, and runs the other programs.
    conf.set_override("transport_url", messaging.IN_PROCESS)
    db.configure(conf)
    db.migration.sync()
    service.launch(conf, StandaloneService(conf), workers=1, restart_method="mutate").wait()


if __name__ == "__main__":
    main()
