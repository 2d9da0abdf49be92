"""kingbird-api: the API on a small server, for development.

In production ``kingbird.api.wsgi:application`` runs under gunicorn or uwsgi.
"""

from kingbird import concurrency

concurrency.setup()

import sys

from oslo_service import service

from kingbird.cmd.api_service import ApiService
from kingbird.conf import prepare_service
from kingbird.db import api as db


def main() -> None:
    """Serve until SIGTERM."""
    conf = prepare_service(sys.argv[1:], prog="kingbird-api")
    db.configure(conf)
    service.launch(conf, ApiService(conf), workers=1, restart_method="mutate").wait()


if __name__ == "__main__":
    main()
