"""kingbird-api: the API on a small server, for development.

In production ``kingbird.api.wsgi:application`` runs under gunicorn or uwsgi.
"""

from kingbird import concurrency

concurrency.setup()

import sys

from kingbird import service
from kingbird.api.app import DATABASE_SECONDS
from kingbird.cmd.api_service import ApiService
from kingbird.cmd.launcher import launch


def main() -> None:
    """Serve until SIGTERM."""
    conf = service.prepare("kingbird-api", sys.argv[1:], database_timeout=DATABASE_SECONDS)
    launch(conf, ApiService(conf))
