"""The measured cloud, with as many Glances in its catalog as a row needs."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from minicloud import Cloud
from standin import Standin

from benchmarks.service import Service
from kingbird.tests.functional import services
from kingbird.tests.functional.deployment import Kind, Options, deploy
from kingbird.tests.functional.people import Person

#: Interfaces of the catalog: the cloud's own Glances, and the stand-ins.
REAL, STANDIN = "public", "internal"
#: Kingbird's default concurrency, and the number of connections of a bare loop.
CONNECTIONS = 8
#: Kingbird's default, in seconds.  Functional tests are more patient with a slow region.
SLOW_REGION_TIMEOUT = 1.0


class World:
    """A Keystone and two Glances, with Kingbirds and stand-ins as a row needs them.

    :ivar whole: True if RabbitMQ and MariaDB are available, so that Kingbird runs as in
        production.
    """

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.is_complete = not (services.missing("MariaDB") or services.missing("RabbitMQ"))
        self._folder = folder

    @contextlib.contextmanager
    def glances(self, regions: int, **options: Any) -> Iterator[Standin]:
        """Start stand-ins, and publish them under the interface for stand-ins.

        The images belong to the admin's project, which runs the jobs.

        :param options: options of :class:`standin.Standin`.
        """
        project = self.cloud.projects["admin"]
        with Standin(regions, project=project, **options) as glances:
            self.publish(glances.urls)
            yield glances

    def publish(self, urls: Mapping[str, str]) -> None:
        """Set the catalog's stand-ins to some URLs by region, and remove all others."""
        admin = Person(self.cloud, "admin")
        for endpoint in self._endpoints(admin):
            if endpoint["region_id"] not in urls:
                admin.keystone("DELETE", f"/endpoints/{endpoint['id']}")
        by_interface = {region: {STANDIN: url} for region, url in urls.items()}
        self.cloud.register_service("image", "glance", by_interface)

    @staticmethod
    def _endpoints(admin: Person) -> list[dict[str, Any]]:
        service = admin.keystone("GET", "/services?type=image").json()["services"][0]["id"]
        query = f"/endpoints?service_id={service}&interface={STANDIN}"
        endpoints: list[dict[str, Any]] = admin.keystone("GET", query).json()["endpoints"]
        return endpoints

    @contextlib.contextmanager
    def kingbird(
        self,
        interface: str = STANDIN,
        *,
        engines: int = 1,
        workers: int = 1,
        database: str = "MariaDB",
        sync: Mapping[str, Any] = MappingProxyType({}),
        options: Options = MappingProxyType({}),
    ) -> Iterator[Service]:
        """Run a Kingbird with new processes and an empty database.

        :param engines: the number of engines, if RabbitMQ and MariaDB are available.
        :param workers: the number of the API's processes, likewise.
        :param database: the name of the database, likewise.
        :param sync: options of ``[sync]`` that differ from the default.
        :param options: options of other groups.
        """
        kind = Kind(
            database=database if self.is_complete else "SQLite",
            broker=self.is_complete,
            backend="threading",
            engines=engines,
            workers=workers,
            options={
                "DEFAULT": {"debug": "false"},
                "glance": {"interface": interface},
                "sync": {
                    "region_concurrency": CONNECTIONS,
                    "slow_region_timeout": SLOW_REGION_TIMEOUT,
                    **sync,
                },
                **options,
            },
        )
        folder = Path(tempfile.mkdtemp(prefix="kingbird-", dir=self._folder))
        with deploy(kind, self.cloud, folder) as deployment, Service(deployment) as service:
            yield service

    def person(self, name: str = "admin") -> Person:
        """Return a user with a new token and the present catalog."""
        return Person(self.cloud, name)


@contextlib.contextmanager
def world() -> Iterator[World]:
    """Start the cloud, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="kingbird-bench-") as name:
        folder = Path(name)
        (folder / "cloud").mkdir()
        cloud = Cloud(folder / "cloud", regions=["RegionOne", "RegionTwo"], free_ports=True)
        cloud.up()
        try:
            yield World(cloud, folder)
        finally:
            cloud.down()
