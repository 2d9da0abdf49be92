"""A cloud with a Kingbird for the time of Tempest's run."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from minicloud.cloud import Cloud

from kingbird.tests.functional import listening, services
from kingbird.tests.functional.deployment import Deployment, Kind, deploy

REGIONS = ("RegionOne", "RegionTwo", "RegionThree")
PRODUCTION = Kind("MariaDB", broker=True, backend="threading")
EMBEDDED = Kind(backend="threading")


class ServicesMissing(Exception):
    """A required service is not available."""


@contextlib.contextmanager
def stage() -> Iterator[tuple[Cloud, Deployment, Path]]:
    """Start everything on free ports, and stop it at the end of the block.

    Kingbird runs as in production, with gunicorn, RabbitMQ and MariaDB, or as the embedded default
    if one of those is not available.

    :yields: the cloud, Kingbird, and an empty temporary folder.
    :raises ServicesMissing: a service is not available although all are required.
    """
    kind = _kind()
    with tempfile.TemporaryDirectory(prefix="kingbird-tempest-") as name:
        folder = Path(name)
        for part in ("cloud", "kingbird", "tempest"):
            (folder / part).mkdir()
        cloud = Cloud(folder / "cloud", regions=REGIONS, free_ports=True)
        try:
            cloud.up()
            with contextlib.ExitStack() as stack:
                deployment = stack.enter_context(deploy(kind, cloud, folder / "kingbird"))
                deployment.register()
                if cloud.broker is not None:
                    stack.enter_context(listening.listener(deployment, cloud, REGIONS))
                yield cloud, deployment, folder / "tempest"
        finally:
            cloud.down()


def _kind() -> Kind:
    reasons = [reason for reason in map(services.missing, PRODUCTION.services) if reason]
    if not reasons:
        return PRODUCTION
    if services.required():
        raise ServicesMissing(f"{services.REQUIRE} is set, but {'; '.join(reasons)}")
    print(f"Kingbird runs with its embedded default: {'; '.join(reasons)}")
    return EMBEDDED
