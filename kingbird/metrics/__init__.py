"""Metrics for Prometheus: counters that all worker processes of a service add to.

Without ``[metrics] listen``, prometheus_client is not imported, no thread is started and no file
is created.
"""

import logging
import os
import threading
from pathlib import Path

from oslo_config import cfg
from oslo_utils import netutils

from kingbird.metrics.multiproc_dir import MultiprocessDir

LOG = logging.getLogger(__name__)

#: The environment variable with the directory.  prometheus_client reads it when it is imported.
ENVIRONMENT = "PROMETHEUS_MULTIPROC_DIR"

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
    host, port = netutils.parse_host_port(conf.metrics.listen)
    try:
        # Services may share the directory but not their files.
        folder = MultiprocessDir(
            Path(conf.metrics.directory) / f"{conf.prog or 'kingbird'}-{port}"
        )
        folder.join()
    except OSError as error:
        LOG.error("Metrics are disabled: %s", error)
        return
    os.environ[ENVIRONMENT] = str(folder.path)
    from kingbird.metrics import exposition  # noqa: PLC0415  it imports prometheus_client

    exposition.start(conf, folder, host, port)
