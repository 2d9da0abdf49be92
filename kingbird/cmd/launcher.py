"""Runs a service in processes of its own until it is told to end.

oslo.service does so; but on threads its workers end at SIGHUP, and new ones take their place.
That gives work in progress back for nothing, and leaves a small server deaf meanwhile.  So here
cotyledon, which oslo.service launches them by, is told to read the configuration again.
"""

import logging
import sys
from typing import Any

import cotyledon
from cotyledon import oslo_config_glue, types
from oslo_config import cfg
from oslo_service import backend, service

from kingbird import exception
from kingbird.clients.keystone import Keystone
from kingbird.rpc import messaging

LOG = logging.getLogger(__name__)

#: What of a configuration that can't be read is told: others' words hold values.
TOLD = (
    cfg.ConfigFilesNotFoundError,
    cfg.ConfigFilesPermissionDeniedError,
    cfg.RequiredOptError,
)


class _Worker(cotyledon.Service):
    """A service in a worker process."""

    name = "kingbird"

    def __init__(
        self, worker_id: types.WorkerId, conf: cfg.ConfigOpts, launched: service.ServiceBase
    ) -> None:
        super().__init__(worker_id)
        self._conf = conf
        self._launched = launched

    def run(self) -> None:
        """Serve until :meth:`terminate`."""
        self._launched.start()
        self._launched.wait()

    def terminate(self) -> None:
        """SIGTERM."""
        self._launched.stop()

    def reload(self) -> None:
        """SIGHUP: read again what may change."""
        self._conf.mutate_config_files()
        self._launched.reset()


def launch(conf: cfg.ConfigOpts, launched: service.ServiceBase, *, workers: int = 1) -> None:
    """Run a service until SIGTERM; at SIGHUP options that are mutable are read again.

    :param launched: started in each worker, after the fork.
    :param workers: processes.
    :raises SystemExit: the configuration names no service user, or no broker that there can be.
    """
    _survive(conf)
    try:
        Keystone(conf).check()
        messaging.check(conf)
    except exception.ConfigurationError as error:
        sys.exit(error.message)
    if backend.get_backend_type() is not backend.BackendType.THREADING:
        service.launch(conf, launched, workers=workers, restart_method="mutate").wait()
        return
    manager = cotyledon.ServiceManager()
    oslo_config_glue.setup(manager, conf, reload_method="mutate")
    manager.add(_Worker, workers, args=(conf, launched))
    manager.run()


def _survive(conf: cfg.ConfigOpts) -> None:
    """Let a configuration that can't be read again change nothing.

    Both launchers would end the process, for a file that an editor is about to write.
    """
    read = conf.mutate_config_files

    def again() -> Any:
        try:
            return read()
        # argparse's way of complaining is the last one.
        except (cfg.Error, OSError, ValueError, SystemExit) as error:
            why = f": {error}" if isinstance(error, TOLD) else ""
            LOG.error(
                "The configuration can't be read again, what was read before counts: %s%s",
                type(error).__name__,
                why,
            )
            return {}

    conf.mutate_config_files = again  # type: ignore[method-assign]
