"""What Prometheus reads: counters that all worker processes of a service add to.

Nothing here is imported, no thread is started and no file is made unless ``[metrics] listen``
names an address.
"""

import logging
import threading

from oslo_config import cfg

LOG = logging.getLogger(__name__)

_lock = threading.Lock()
_started = False


def start(conf: cfg.ConfigOpts) -> None:
    """Count what happens in this process, and answer Prometheus by ``[metrics]``.

    Call it in each worker process, or before a fork; calling it again does no harm.  A problem
    with the directory or the address is logged: the service works without.
    """
    global _started  # noqa: PLW0603  one for each process, as are the counters
    if not conf.metrics.listen:
        return
    with _lock:
        if _started:
            return
        _started = True
    # prometheus_client settles on how values are kept when it is imported.
    from kingbird.metrics.exposition import start as begin  # noqa: PLC0415

    try:
        begin(conf)
    except OSError as error:
        LOG.error("Metrics are disabled: %s", error)
