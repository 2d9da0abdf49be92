"""Serve ``/healthcheck`` to everybody without a token.

oslo.middleware answers in plain text, HTML or JSON, depending on ``Accept``.  ``[healthcheck]
backends`` lists the checks by entry point names of ``oslo.middleware.healthcheck``.  Kingbird's
own checks are in :mod:`kingbird.api.health_checks`.
"""

from collections.abc import Iterable
from typing import Any

from oslo_config import cfg
from oslo_middleware import healthcheck

from kingbird import exception
from kingbird.api.middleware import Application, Environ
from kingbird.api.middleware.paths import normalize_path

PATH = "/healthcheck"
METHODS = ("GET", "HEAD")


class Health:
    """The middleware that answers ``/healthcheck`` and passes other requests on.

    oslo.middleware's own would answer every path.

    :param application: answers the other requests, and callers outside of ``[healthcheck]
        allowed_source_ranges``.
    :raises kingbird.exception.ConfigurationError: a configured check does not exist.  An operator
        who relies on the check must learn of that.
    """

    def __init__(self, application: Application, conf: cfg.ConfigOpts) -> None:
        self._application = application
        self._healthcheck: Any = healthcheck.Healthcheck(application, conf)
        missing = sorted(set(conf.healthcheck.backends) - set(self._healthcheck._backends.names()))
        if missing:
            raise exception.ConfigurationError(
                f"[healthcheck] backends names what is not installed: {', '.join(missing)}"
            )

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request, or pass it on."""
        if (
            normalize_path(environ.get("PATH_INFO", "")) == PATH
            and environ["REQUEST_METHOD"] in METHODS
        ):
            return self._healthcheck(environ, start_response)
        return self._application(environ, start_response)
