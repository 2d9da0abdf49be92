"""The start-up of every process: configuration, logging, reports, tracing and the database."""

import logging
import os
import socket
from collections.abc import Sequence

from oslo_config import cfg
from osprofiler import notifier
from osprofiler.drivers import base

from kingbird import exception, gmr
from kingbird.conf import prepare_service, tracing
from kingbird.db import api as db
from kingbird.rpc import transport
from kingbird.tracing import spans
from kingbird.tracing.exporter import SpanExporter

LOG = logging.getLogger(__name__)


def prepare(
    prog: str,
    argv: Sequence[str],
    *,
    config_files: list[str] | None = None,
    database_timeout: int | None = None,
    in_process: bool = False,
    report_signal: bool = True,
) -> cfg.ConfigOpts:
    """Prepare a process to serve or to work.  Nothing is connected to, so it may fork afterwards.

    Entry points call :func:`kingbird.concurrency.setup` before they import this module.

    :param config_files: files to read instead of those found by name.
    :param database_timeout: seconds after which a silent database counts as unavailable.
    :param in_process: True if messages stay in the process, regardless of the configuration.
    :param report_signal: True if a signal requests a report; a WSGI server keeps its own signals.
    :returns: the configuration.
    """
    conf = prepare_service(argv, prog=prog, default_config_files=config_files)
    if in_process:
        transport.use_in_process_transport(conf)
    if report_signal:
        gmr.install_signal_handler(conf)
    configure_tracing(conf)
    db.configure(conf, seconds=database_timeout)
    return conf


def configure_tracing(conf: cfg.ConfigOpts) -> None:
    """Trace requests if ``[profiler]`` asks for it.

    ``osprofiler.initializer`` is not used: it logs the connection string, which may hold a
    password, and makes the driver before a fork.  Call this before the database is configured.
    """
    if not conf.profiler.enabled:
        return
    if problem := _find_problem(conf):
        LOG.error("Tracing is disabled: %s", problem)
        return
    # Its debug lines show the connection string.
    logging.getLogger(base.__name__).setLevel(logging.INFO)
    exporter = SpanExporter(
        lambda: base.get_driver(
            conf.profiler.connection_string,
            project="kingbird",
            service=conf.prog,
            host=socket.gethostname(),
            context={},
            conf=conf,
        )
    )
    os.register_at_fork(after_in_child=exporter.reset)
    notifier.set(exporter)
    spans.configure(tracing.hmac_keys(conf)[0])


def _find_problem(conf: cfg.ConfigOpts) -> str | None:
    keys = tracing.hmac_keys(conf)
    if not keys or tracing.DEFAULT_KEY in keys:
        return "[profiler] hmac_keys has to be a secret of your own"
    try:
        if str(conf.profiler.connection_string).partition(":")[0] == "messaging":
            transport.check_notifications(conf)
    except exception.ConfigurationError as error:
        return error.message
    return None
