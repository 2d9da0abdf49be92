"""Runs an engine that looks like one of a later release.

It announces that it understands newer messages than this release sends.
"""

from types import SimpleNamespace
from unittest import mock

from kingbird import version
from kingbird.cmd import engine, engine_service
from kingbird.rpc import server

RELEASE = "999.0"
RPC_VERSION = "1.9"


def main() -> None:
    """Run the engine until SIGTERM."""
    # Kingbird has to choose the backend before this import.
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
