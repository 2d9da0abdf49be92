"""An engine of a next release, as far as others can tell: run it as a program.

It says that it understands newer messages than this release sends.
"""

from types import SimpleNamespace
from unittest import mock

from kingbird import version
from kingbird.cmd import engine, engine_service
from kingbird.rpc import server

RELEASE = "999.0"
RPC_VERSION = "1.9"


def main() -> None:
    """Run it until SIGTERM."""
    # It must not be imported before Kingbird has chosen the backend.
    import oslo_messaging

    target = oslo_messaging.Target(version=RPC_VERSION)
    with (
        mock.patch.object(server.Endpoint, "target", target),
        mock.patch.object(engine_service, "version_cap", SimpleNamespace(VERSION=RPC_VERSION)),
        mock.patch.object(version, "version_string", return_value=RELEASE),
    ):
        engine.main()


if __name__ == "__main__":
    main()
