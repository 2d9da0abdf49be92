"""The application for gunicorn, uwsgi and the like: ``kingbird.api.wsgi:application``.

Its configuration is the file that ``KINGBIRD_CONFIG_FILE`` names, else oslo.config's usual
files for the project kingbird; the command line belongs to the server.  Loading connects to
nothing, so the server may fork afterwards.
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
    named = os.environ.get(CONFIG_FILE)
    conf = service.prepare(
        "kingbird-api",
        [],
        config_files=[named] if named else None,
        database_timeout=app.DATABASE_SECONDS,
        report_signal=False,
    )
    # The pool is empty now, and should stay so in a child, whatever the server does.
    os.register_at_fork(after_in_child=db.dispose)
    gmr.watch_trigger_file(conf)
    os.register_at_fork(after_in_child=lambda: gmr.watch_trigger_file(conf))
    metrics.start(conf)
    return app.create(conf)


application = _load()
