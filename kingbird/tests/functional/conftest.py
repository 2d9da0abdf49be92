"""Fixtures of functional tests: one cloud for each process of pytest, on free ports.

Kingbird reaches Glance and Keystone through proxies that count and break calls.  A deployment
starts when a test needs it and stays for later tests. pytest groups tests by deployment, so only
one runs at a time.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kingbird.tests.functional import services
from kingbird.tests.functional.contract_scenes import RealScene, Scene
from kingbird.tests.functional.deployment import Deployment, Kind, deploy
from kingbird.tests.functional.kingbird_api import KingbirdAPI
from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import Proxy

ROOT = Path(__file__).resolve().parents[3]
REGIONS = ("RegionOne", "RegionTwo", "RegionThree")

#: RegionThree has lower quotas of tags and properties, so that a test can exceed them.
TAG_QUOTA, PROPERTY_QUOTA = 6, 60
#: RegionThree caches the validation of a token for one second.  The default is five minutes.
TOKEN_CACHE_TIME = 1
#: Seconds after which RegionThree rejects a revoked token.
NOTICED = TOKEN_CACHE_TIME + 0.5

#: The deployments that tests share.
KINDS = {
    "rabbit-mariadb": Kind("MariaDB", broker=True),
    "rabbit-postgresql": Kind("PostgreSQL", broker=True),
    "standalone": Kind(),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that name no deployment on the one that is most like production."""
    if "deployment" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("deployments")
    kinds = marker.args if marker else (_usual_kind(),)
    metafunc.parametrize("deployment", kinds, indirect=True, scope="session")


def _usual_kind() -> str:
    kind = "rabbit-mariadb"
    absent = any(services.missing(service) for service in KINDS[kind].services)
    return "standalone" if absent and not services.required() else kind


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", "deployments(*kinds): the deployments that a test runs on, one after another"
    )


@pytest.fixture(scope="session", autouse=True)
def leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Search the traces of all deployments for secrets.  A find fails the last test of the run."""
    WATCH.begin(tmp_path_factory.mktemp("leaks"))
    try:
        yield
        assert not WATCH.logs or len(WATCH.secrets), "Kingbird ran and no secret was seen"
        found = WATCH.found()
        assert not found, "\n".join(["There are secrets where none may be:", *found])
    finally:
        WATCH.end()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start a real Keystone and three real Glances."""
    sys.path.insert(0, str(ROOT / "tools"))
    from minicloud import broker
    from minicloud.cloud import Cloud

    os.environ.setdefault(broker.VARIABLE, services.url_of("RabbitMQ"))
    made = Cloud(
        tmp_path_factory.mktemp("cloud"),
        regions=REGIONS,
        free_ports=True,
        glance_options={
            "RegionThree": {
                "DEFAULT": {
                    "image_tag_quota": str(TAG_QUOTA),
                    "image_property_quota": str(PROPERTY_QUOTA),
                },
                # It decompresses data that it imports.
                "image_import_opts": {"image_import_plugins": "[image_decompression]"},
                "keystone_authtoken": {"token_cache_time": str(TOKEN_CACHE_TIME)},
            }
        },
    )
    made.up()
    try:
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def person(cloud: Any) -> Callable[..., Person]:
    """Return a function that returns a user of the cloud by name, the same one at each call."""
    known: dict[tuple[str, ...], Person] = {}

    def get(*name: str) -> Person:
        if name not in known:
            known[name] = Person(cloud, *name)
        return known[name]

    return get


@pytest.fixture
def demo(person: Callable[..., Person]) -> Person:
    """Return an ordinary member."""
    return person("demo")


@pytest.fixture
def other(person: Callable[..., Person]) -> Person:
    """Return a member of another project."""
    return person("other")


@pytest.fixture
def admin(person: Callable[..., Person]) -> Person:
    """Return the cloud's admin, in a project of its own."""
    return person("admin")


@pytest.fixture
def newcomer(admin: Person) -> Person:
    """Return an ordinary member of a project that has no images."""
    return admin.with_new_project("demo")


@pytest.fixture
def application_token(demo: Person) -> str:
    """Return a token of demo's from which Keystone makes no trust."""
    return demo.application_token(unrestricted=True)


@pytest.fixture
def scene(person: Callable[..., Person], cloud: Any) -> Scene:
    """Return a real Glance.  Unit tests check its contract on the double and the stand-in."""
    return RealScene(person, cloud)


@pytest.fixture(scope="session")
def glances(cloud: Any) -> Iterator[dict[str, Proxy]]:
    """Return the proxies between Kingbird and the Glances, which are the internal endpoints."""
    with ExitStack() as stack:
        proxies = {}
        for region, url in cloud.glance_urls.items():
            proxies[region] = stack.enter_context(Proxy(url))
            cloud.set_endpoint("image", region, "internal", proxies[region].url)
        yield proxies


@pytest.fixture(scope="session")
def deployment(
    request: pytest.FixtureRequest,
    cloud: Any,
    glances: dict[str, Proxy],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    """Start a Kingbird that tests share and register it in the catalog."""
    folder = tmp_path_factory.mktemp(request.param)
    with deploy(KINDS[request.param], cloud, folder) as running:
        running.register()
        yield running


@pytest.fixture
def deploy_own(
    cloud: Any, glances: dict[str, Proxy], tmp_path: Path
) -> Iterator[Callable[[Kind], Deployment]]:
    """Return a function that runs a Kingbird for one test, outside of the catalog."""
    with ExitStack() as stack:
        yield lambda kind: stack.enter_context(deploy(kind, cloud, tmp_path))


@pytest.fixture
def api(deployment: Deployment) -> Callable[[Person], KingbirdAPI]:
    """Return a function that returns the shared deployment's API for a user."""
    return lambda who: KingbirdAPI(deployment.url, who)
