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


def setup(*, hosted: bool = False) -> str:
    """Set the process up for the backend that the environment names.

    :param hosted: a server that is not Kingbird's has loaded the module and owns the threads.
        It is too late to patch what they are made of, and requests would hang for ever.
    :returns: the backend's name.
    :raises SystemExit: the environment names a backend that does not exist, or can't be used.
    """
    name = os.environ.get(ENVIRONMENT) or "threading"
    if name not in BACKENDS:
        raise SystemExit(f"{ENVIRONMENT} is {name!r}; it can be {' or '.join(BACKENDS)}")
    # futurist imports eventlet wherever it is installed, if only to look.
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
