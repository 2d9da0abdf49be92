"""kingbird-engine: works on jobs.  Any number may run, anywhere."""

from kingbird import concurrency

concurrency.setup()

import sys

from kingbird import reports
from kingbird.cmd.engine_service import EngineService
from kingbird.cmd.launcher import launch
from kingbird.conf import prepare_service
from kingbird.db import api as db
from kingbird.service import start as start_tracing


def main() -> None:
    """Run engines until SIGTERM."""
    conf = prepare_service(sys.argv[1:], prog="kingbird-engine")
    reports.on_signal(conf)
    start_tracing(conf)
    db.configure(conf)
    launch(conf, EngineService(conf), workers=conf.engine.workers, has_engine=True)


if __name__ == "__main__":
    main()
