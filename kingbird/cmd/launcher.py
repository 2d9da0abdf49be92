"""Runs a service in processes of its own until it is told to end.

oslo.service does so; but on threads its workers end at SIGHUP, and new ones take their place.
That gives work in progress back for nothing, and leaves a small server deaf meanwhile.  So here
cotyledon, which oslo.service launches them by, is told to read the configuration again.
"""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import cotyledon
from cotyledon import oslo_config_glue, types
from oslo_config import cfg
from oslo_service import backend, service

from kingbird import exception
from kingbird.clients.keystone import Keystone
from kingbird.rpc import transport

LOG = logging.getLogger(__name__)

#: Seconds beyond an engine's grace time after which a process that still stops is ended.
KILL_MARGIN = 30
#: What of a configuration that can't be read is told: others' words hold values.
SAFE_ERRORS = (
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
        self._set_alarm()

    def _set_alarm(self) -> None:
        # Else what counts is what the manager had when it forked.
        seconds = self._conf.graceful_shutdown_timeout
        self.graceful_shutdown_timeout = seconds  # type: ignore[misc]

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
        self._set_alarm()
        self._launched.reset()


def launch(
    conf: cfg.ConfigOpts,
    launched: service.ServiceBase,
    *,
    workers: int = 1,
    has_engine: bool = False,
) -> None:
    """Run a service until SIGTERM; at SIGHUP options that are mutable are read again.

    :param launched: started in each worker, after the fork.
    :param workers: processes.
    :param has_engine: the service has ``[engine] graceful_shutdown_timeout`` seconds to stop,
        whatever ``[DEFAULT] graceful_shutdown_timeout`` says.
    :raises SystemExit: the configuration names no service user, or no broker that there can be.
    """

    def apply_timeouts() -> None:
        if has_engine:
            _extend_shutdown_timeout(conf)

    _guard_reload(conf, apply_timeouts)
    try:
        Keystone(conf).validate_config()
        transport.check(conf)
    except exception.ConfigurationError as error:
        sys.exit(error.message)
    if backend.get_backend_type() is not backend.BackendType.THREADING:
        launcher = service.launch(conf, launched, workers=workers, restart_method="mutate")
        # Both launchers register the option, and read it again when they are told to end.
        apply_timeouts()
        launcher.wait()
        # As on threads: the interpreter would wait for calls that outlast the grace time.
        logging.shutdown()
        os._exit(0)
    manager = cotyledon.ServiceManager()
    oslo_config_glue.register_opts(conf)
    apply_timeouts()
    oslo_config_glue.setup(manager, conf, reload_method="mutate")
    manager.add(_Worker, workers, args=(conf, launched))
    manager.run()


def _extend_shutdown_timeout(conf: cfg.ConfigOpts) -> None:
    """Give an engine its grace time, before the alarm that ends what does not stop.

    What was chosen holds where it is more; 0 is no alarm at all.
    """
    conf.clear_override("graceful_shutdown_timeout")
    chosen = conf.graceful_shutdown_timeout
    if chosen:
        least = conf.engine.graceful_shutdown_timeout + KILL_MARGIN
        conf.set_override("graceful_shutdown_timeout", max(chosen, least))


def _guard_reload(conf: cfg.ConfigOpts, apply_timeouts: Callable[[], None]) -> None:
    """Let a configuration that can't be read again change nothing.

    Both launchers would end the process, for a file that an editor is about to write.

    :param apply_timeouts: called after what could be read.
    """
    read = conf.mutate_config_files

    def again() -> Any:
        try:
            changed = read()
        # argparse's way of complaining is the last one.
        except (cfg.Error, OSError, ValueError, SystemExit) as error:
            why = f": {error}" if isinstance(error, SAFE_ERRORS) else ""
            LOG.error(
                "Unable to reload the configuration, keeping the previous one: %s%s",
                type(error).__name__,
                why,
            )
            return {}
        apply_timeouts()
        return changed

    conf.mutate_config_files = again  # type: ignore[method-assign]
