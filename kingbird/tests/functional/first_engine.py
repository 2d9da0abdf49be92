"""An engine of the first release, as far as others can tell: run it as a program.

It understands messages of version 1.0 only, and says neither that nor any newer release.
"""

from types import SimpleNamespace
from unittest import mock

from kingbird import version
from kingbird.cmd import engine, engine_service
from kingbird.rpc import server
from kingbird.tests.doubles.first_endpoint import FirstEndpoint

RELEASE = "0.9"


def main() -> None:
    """Run it until SIGTERM."""
    with (
        mock.patch.object(server, "Endpoint", FirstEndpoint),
        mock.patch.object(engine_service, "version_cap", SimpleNamespace(VERSION=None)),
        mock.patch.object(version, "version_string", return_value=RELEASE),
    ):
        engine.main()


if __name__ == "__main__":
    main()
