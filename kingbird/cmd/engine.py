"""kingbird-engine: process jobs.  Any number of engines may run on any hosts."""

from kingbird import concurrency

concurrency.setup()

import sys

from kingbird import service
from kingbird.cmd.engine_service import EngineService
from kingbird.cmd.launcher import launch


def main() -> None:
    """Run engines until SIGTERM."""
    conf = service.prepare("kingbird-engine", sys.argv[1:])
    launch(conf, EngineService(conf), workers=conf.engine.workers, has_engine=True)
