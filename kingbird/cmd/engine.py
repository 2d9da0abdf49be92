"""kingbird-engine: works on jobs.  Any number may run, anywhere."""

from kingbird import concurrency

concurrency.setup()

import sys

from oslo_service import service

from kingbird.cmd.engine_service import EngineService
from kingbird.conf import prepare_service
from kingbird.db import api as db


def main() -> None:
    """Run engines until SIGTERM."""
    conf = prepare_service(sys.argv[1:], prog="kingbird-engine")
    db.configure(conf)
    service.launch(
        conf, EngineService(conf), workers=conf.engine.workers, restart_method="mutate"
    ).wait()


if __name__ == "__main__":
    main()
