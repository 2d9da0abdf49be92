"""Switches tracing on, by ``[profiler]``."""

import logging
import os
import socket
from typing import Any

from oslo_config import cfg
from osprofiler import notifier
from osprofiler.drivers import base

from kingbird import exception
from kingbird.conf import tracing
from kingbird.rpc import transport
from kingbird.tracing import spans
from kingbird.tracing.exporter import Sender

LOG = logging.getLogger(__name__)


def start(conf: cfg.ConfigOpts) -> None:
    """Trace requests from now on, if the configuration wants it.

    Call it before the database is configured and the application is made.  Nothing is connected
    to, so a server may fork afterwards.
    """
    if not conf.profiler.enabled:
        return
    if problem := _problem(conf):
        LOG.error("Nothing is traced: %s", problem)
        return
    # Its lines show the connection string, which may hold a password.
    logging.getLogger(base.__name__).setLevel(logging.INFO)
    sender = Sender(lambda: _driver(conf))
    os.register_at_fork(after_in_child=sender.reset)
    notifier.set(sender)
    spans.switch(tracing.keys(conf)[0])


def _problem(conf: cfg.ConfigOpts) -> str | None:
    keys = tracing.keys(conf)
    if not keys or tracing.DEFAULT_KEY in keys:
        return "[profiler] hmac_keys has to be a secret of your own"
    try:
        if _is_message(conf):
            transport.check_notifications(conf)
    except exception.ConfigurationError as error:
        return error.message
    return None


def _is_message(conf: cfg.ConfigOpts) -> bool:
    return str(conf.profiler.connection_string).partition(":")[0] == "messaging"


def _driver(conf: cfg.ConfigOpts) -> Any:
    return base.get_driver(
        conf.profiler.connection_string,
        project="kingbird",
        service=conf.prog,
        host=socket.gethostname(),
        context={},
        conf=conf,
    )
