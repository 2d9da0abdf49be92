"""Chooses what threads are made of, before anything else is imported.

oslo.messaging and oslo.service settle on a backend when they are imported, and
eventlet has to patch the standard library before others take references to it.
So every program, and the WSGI module, imports this module first and calls
:func:`setup`.  No other module of Kingbird imports eventlet.
"""

import os
import warnings

#: The environment variable that chooses: ``threading`` (default) or ``eventlet``.
ENVIRONMENT = "KINGBIRD_CONCURRENCY_BACKEND"
BACKENDS = ("threading", "eventlet")


def setup() -> str:
    """Set the process up for the backend that the environment names.

    :returns: the backend's name.
    :raises SystemExit: the environment names a backend that does not exist.
    """
    name = os.environ.get(ENVIRONMENT) or "threading"
    if name not in BACKENDS:
        raise SystemExit(f"{ENVIRONMENT} is {name!r}; it can be {' or '.join(BACKENDS)}")
    # futurist imports eventlet wherever it is installed, if only to look.
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    if name == "eventlet":
        import eventlet  # noqa: PLC0415  only the one who asks for it needs it

        eventlet.monkey_patch()
    from oslo_service import backend  # noqa: PLC0415  after the patching, or not at all

    backend.init_backend(backend.BackendType(name))
    return name
