"""Run a service in worker processes until SIGTERM.

oslo.service's launcher ends its workers at SIGHUP on threads, and starts new ones.  That would
hand work in progress back, and a small server would be unreachable for a moment.  Cotyledon, on
which oslo.service is built, can reload the configuration instead.
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

#: Seconds after the graceful shutdown timeout when a process that still stops is killed.
KILL_MARGIN = 30
#: Errors whose text may be logged.  The text of other errors contains values.
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
        # Without this, the manager's value at the fork applies.
        seconds = self._conf.graceful_shutdown_timeout
        self.graceful_shutdown_timeout = seconds  # type: ignore[misc]

    def run(self) -> None:
        """Serve until :meth:`terminate`."""
        self._launched.start()
        self._launched.wait()

    def terminate(self) -> None:
        """Stop the service at SIGTERM."""
        self._launched.stop()

    def reload(self) -> None:
        """Reload the mutable options at SIGHUP."""
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
    """Run a service until SIGTERM, and reload mutable options at SIGHUP.

    :param launched: the service, which is started in each worker after the fork.
    :param has_engine: True if the service has ``[engine] graceful_shutdown_timeout`` seconds to
        stop, regardless of ``[DEFAULT] graceful_shutdown_timeout``.
    :raises SystemExit: the configuration has no service user or no valid broker.
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
        # Both launchers register the option, and read it again when they stop.
        apply_timeouts()
        launcher.wait()
        # The interpreter would wait for calls that outlast the timeout, as on threads.
        logging.shutdown()
        os._exit(0)
    manager = cotyledon.ServiceManager()
    oslo_config_glue.register_opts(conf)
    apply_timeouts()
    oslo_config_glue.setup(manager, conf, reload_method="mutate")
    manager.add(_Worker, workers, args=(conf, launched))
    manager.run()


def _extend_shutdown_timeout(conf: cfg.ConfigOpts) -> None:
    """Raise the timeout after which a process is killed above the engine's own.

    A configured value that is larger stays; 0 disables the timeout.
    """
    conf.clear_override("graceful_shutdown_timeout")
    configured = conf.graceful_shutdown_timeout
    if configured:
        minimum = conf.engine.graceful_shutdown_timeout + KILL_MARGIN
        conf.set_override("graceful_shutdown_timeout", max(configured, minimum))


def _guard_reload(conf: cfg.ConfigOpts, apply_timeouts: Callable[[], None]) -> None:
    """Keep the previous configuration if a reload fails.

    Both launchers would end the process, for example while an editor writes the file.

    :param apply_timeouts: called after a successful reload.
    """
    mutate = conf.mutate_config_files

    def reload() -> Any:
        try:
            changed = mutate()
        # argparse raises SystemExit for an invalid value.
        except (cfg.Error, OSError, ValueError, SystemExit) as error:
            reason = f": {error}" if isinstance(error, SAFE_ERRORS) else ""
            LOG.error(
                "Unable to reload the configuration, keeping the previous one: %s%s",
                type(error).__name__,
                reason,
            )
            return {}
        apply_timeouts()
        return changed

    conf.mutate_config_files = reload  # type: ignore[method-assign]
