"""Serve a WSGI application on the listening socket that is the standard input.

This runs in a service's own virtual environment: serve.py NAME MODULE STATE.  The name and the
state folder are only there for `ps`.
"""

import concurrent.futures.thread  # noqa: F401  Glance needs it at exit, too late to import
import importlib
import logging
import os
import signal
import socket
import sys

import sqlite_locking  # noqa: F401  before the application makes its engine
import waitress


def stop(*_: object) -> None:
    # SystemExit lets waitress and the services' atexit handlers end in order.
    raise SystemExit(0)


def main() -> None:
    module = sys.argv[2]
    # Keystone parses the arguments of the process that imports it.
    del sys.argv[1:]
    # The socket must leave standard input, which programs of the service would inherit.
    listener = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    signal.signal(signal.SIGTERM, stop)
    # waitress logs each request that waits for a thread, which would fill the log.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    waitress.serve(
        importlib.import_module(module).application,
        sockets=[listener],
        threads=8,
        connection_limit=1000,
        channel_timeout=300,
        max_request_body_size=64 << 30,
        clear_untrusted_proxy_headers=True,
        ident=None,
    )


if __name__ == "__main__":
    main()
