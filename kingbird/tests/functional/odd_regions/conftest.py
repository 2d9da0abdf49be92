"""One Kingbird for all problems."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kingbird.tests.functional.deployment import Deployment, Kind, deploy
from kingbird.tests.functional.kingbird_api import KingbirdAPI
from kingbird.tests.functional.odd_regions.problems import ODD, Stage
from kingbird.tests.functional.odd_regions.race import Race
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import Proxy

OPTIONS = {
    # Failures are final soon.  A lagging region is left behind after the default time.
    "sync": {"retry_timeout": 1, "slow_region_timeout": 1},
    # A call that hangs does so for longer than any test waits.
    "glance": {"timeout": 60},
    "engine": {"lease": 240},
}


@pytest.fixture(scope="session")
def patient(
    cloud: Any, glances: dict[str, Proxy], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Return a Kingbird in one process."""
    with deploy(Kind(options=OPTIONS), cloud, tmp_path_factory.mktemp("odd")) as running:
        yield running


@pytest.fixture(scope="session")
def stage(
    cloud: Any,
    person: Callable[..., Person],
    patient: Deployment,
    glances: dict[str, Proxy],
) -> Stage:
    """Return what problems touch."""
    return Stage(cloud, person("admin"), patient, glances[ODD])


@pytest.fixture(scope="session")
def race(stage: Stage) -> Race:
    """Return the jobs of a project of their own."""
    member = stage.admin.with_new_project("demo")
    return Race(KingbirdAPI(stage.deployment.url, member), member)


@pytest.fixture(scope="session")
def alone(race: Race) -> Callable[[str], float]:
    """Return a function that measures how long the healthy region takes without the odd one."""
    race.run("both", alone=True)
    known: dict[str, float] = {}

    def seconds(role: str, *, again: bool = False) -> float:
        if again or role not in known:
            found = [job.seconds for job in race.run(role, alone=True)]
            assert None not in found, f"The healthy regions don't end alone: {found}"
            known[role] = max(known.get(role, 0.0), *(each for each in found if each is not None))
        return known[role]

    return seconds
