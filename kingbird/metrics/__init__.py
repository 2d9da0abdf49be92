"""Metrics for Prometheus: counters that all worker processes of a service add to.

Without ``[metrics] listen``, nothing is imported, no thread is started and no file is created.
"""

import logging
import threading

from oslo_config import cfg

LOG = logging.getLogger(__name__)

_lock = threading.Lock()
_started = False


def start(conf: cfg.ConfigOpts) -> None:
    """Count events in this process and serve metrics, as ``[metrics]`` says.

    Call this in each worker process, or before a fork.  A second call does nothing.  A problem
    with the directory or the address is logged, and the service works without metrics.
    """
    global _started  # noqa: PLW0603  one for each process, as are the counters
    if not conf.metrics.listen:
        return
    with _lock:
        if _started:
            return
        _started = True
    # prometheus_client chooses how it stores values when it is imported.
    from kingbird.metrics.exposition import start as begin  # noqa: PLC0415

    try:
        begin(conf)
    except OSError as error:
        LOG.error("Metrics are disabled: %s", error)
