"""``/healthcheck``: whether this API can do its work, for anybody who asks, without a token.

oslo.middleware answers, in plain text, HTML or JSON as ``Accept`` says; what is checked is told
by ``[healthcheck] backends``, names of entry points in ``oslo.middleware.healthcheck``.
Kingbird's own are in :mod:`kingbird.api.health_checks`.
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
    """Answers ``/healthcheck``, and passes all else on.

    oslo.middleware's answers every path, so it has to be kept from the others.

    :param application: what answers all else, and those whom
        ``[healthcheck] allowed_source_ranges`` leaves out.
    :raises kingbird.exception.ConfigurationError: there is no check of a name that is configured;
        an operator who relies on it is to know.
    """

    def __init__(self, application: Application, conf: cfg.ConfigOpts) -> None:
        self._application = application
        self._healthcheck: Any = healthcheck.Healthcheck(application, conf)
        wanted = conf.healthcheck.backends
        missing = sorted(set(wanted) - set(self._healthcheck._backends.names()))
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
            answer: Iterable[bytes] = self._healthcheck(environ, start_response)
            return answer
        return self._application(environ, start_response)
