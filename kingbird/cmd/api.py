"""kingbird-api: the API on a small server, for development.

In production ``kingbird.api.wsgi:application`` runs under gunicorn or uwsgi.
"""

from kingbird import concurrency

concurrency.setup()

import sys

from kingbird import reports
from kingbird.api.app import DATABASE_SECONDS
from kingbird.cmd.api_service import ApiService
from kingbird.cmd.launcher import launch
from kingbird.conf import prepare_service
from kingbird.db import api as db
from kingbird.service import start as start_tracing


def main() -> None:
    """Serve until SIGTERM."""
    conf = prepare_service(sys.argv[1:], prog="kingbird-api")
    reports.on_signal(conf)
    start_tracing(conf)
    db.configure(conf, seconds=DATABASE_SECONDS)
    launch(conf, ApiService(conf))


if __name__ == "__main__":
    main()
