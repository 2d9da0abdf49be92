"""Switches tracing on, by ``[profiler]``."""

import logging
import os
import socket
from typing import Any

import oslo_messaging
from oslo_config import cfg
from oslo_messaging import opts
from osprofiler import notifier
from osprofiler.drivers import base

from kingbird.conf import tracing
from kingbird.rpc import unsent
from kingbird.rpc.probe import IN_PROCESS
from kingbird.tracing import spans
from kingbird.tracing.sender import Sender

LOG = logging.getLogger(__name__)

NOTIFICATIONS = "oslo_messaging_notifications"


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
    unsent.bound()
    sender = Sender(lambda: _driver(conf))
    os.register_at_fork(after_in_child=sender.reset)
    notifier.set(sender)
    spans.switch(tracing.keys(conf)[0])


def _problem(conf: cfg.ConfigOpts) -> str | None:
    keys = tracing.keys(conf)
    if not keys or tracing.DEFAULT_KEY in keys:
        return "[profiler] hmac_keys has to be a secret of your own"
    if not _is_message(conf):
        return None
    # oslo.messaging registers its options no sooner than it makes a transport.
    conf.register_opts(dict(opts.list_opts())[NOTIFICATIONS], group=NOTIFICATIONS)
    try:
        url = oslo_messaging.TransportURL.parse(conf, conf[NOTIFICATIONS].transport_url)
    except oslo_messaging.MessagingException as error:
        return f"[{NOTIFICATIONS}] transport_url: {type(error).__name__}"
    if url.transport in IN_PROCESS:
        # Spans would fill a queue that nobody reads.
        return f"[{NOTIFICATIONS}] transport_url names no message broker"
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
