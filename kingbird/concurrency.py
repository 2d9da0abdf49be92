"""Choose the concurrency backend before anything else is imported.

oslo.messaging and oslo.service choose their backend when they are imported, and eventlet has to
patch the standard library before others take references to it.  Every program and the WSGI module
therefore import this module first and call :func:`setup`.  No other module of Kingbird imports
eventlet.
"""

import os
import warnings

#: The environment variable with the backend: ``threading`` (default) or ``eventlet``.
ENVIRONMENT = "KINGBIRD_CONCURRENCY_BACKEND"
BACKENDS = ("threading", "eventlet")


def setup(*, hosted: bool = False) -> str:
    """Set the process up for the backend that the environment names.

    :param hosted: True if a WSGI server has imported Kingbird and owns the threads.  eventlet can
        no longer patch them, and requests would hang.
    :returns: the backend's name.
    :raises SystemExit: the backend does not exist or cannot be used.
    """
    name = os.environ.get(ENVIRONMENT) or "threading"
    if name not in BACKENDS:
        raise SystemExit(f"{ENVIRONMENT} is {name!r}; it can be {' or '.join(BACKENDS)}")
    # futurist imports eventlet if it is installed, which warns.
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    if name == "eventlet":
        import eventlet  # noqa: PLC0415  only the one who asks for it needs it

        if hosted and not eventlet.patcher.is_monkey_patched("thread"):
            raise SystemExit(
                f"{ENVIRONMENT} is eventlet, but the WSGI server runs on threads of its own: "
                "leave the variable unset here, or run kingbird-api"
            )
        eventlet.monkey_patch()
    from oslo_service import backend  # noqa: PLC0415  after the patching, or not at all

    backend.init_backend(backend.BackendType(name))
    return name
