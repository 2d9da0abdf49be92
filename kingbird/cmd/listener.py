"""kingbird-listener: hear of images from the regions' Glances.  Several may run on any hosts."""

from kingbird import concurrency

concurrency.setup()

import sys

from kingbird import service
from kingbird.cmd.launcher import launch
from kingbird.cmd.listener_service import ListenerService, check

#: Seconds after which a silent database is away.  Otherwise the program could not stop.
DATABASE_SECONDS = 5


def main() -> None:
    """Listen until SIGTERM."""
    conf = service.prepare("kingbird-listener", sys.argv[1:], database_timeout=DATABASE_SECONDS)
    check(conf)
    if not conf.listener.regions:
        sys.exit("[listener] regions is empty, so there is nothing to listen to")
    launch(conf, ListenerService(conf))
