"""The WSGI application for gunicorn and uwsgi: ``kingbird.api.wsgi:application``.

``KINGBIRD_CONFIG_FILE`` names the configuration file.  Without it oslo.config's usual files for
the project kingbird are read.  The command line belongs to the server.  Importing this module
connects to nothing, so the server may fork afterwards.
"""

import os

from kingbird import concurrency

concurrency.setup(hosted=True)

from kingbird import gmr, metrics, service
from kingbird.api import app
from kingbird.api.middleware import Application
from kingbird.db import api as db

CONFIG_FILE = "KINGBIRD_CONFIG_FILE"


def _load() -> Application:
    config_file = os.environ.get(CONFIG_FILE)
    conf = service.prepare(
        "kingbird-api",
        [],
        config_files=[config_file] if config_file else None,
        database_timeout=app.DATABASE_SECONDS,
        report_signal=False,
    )
    # The pool is empty now.  A child must not share connections with its parent either.
    os.register_at_fork(after_in_child=db.dispose)
    gmr.watch_trigger_file(conf)
    os.register_at_fork(after_in_child=lambda: gmr.watch_trigger_file(conf))
    metrics.start(conf)
    return app.create(conf)


application = _load()
