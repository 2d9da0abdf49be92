"""One cloud for all faults, and one Kingbird at a time."""

from collections.abc import Iterator
from typing import Any

import pytest

from kingbird.tests.functional.chaos.import_trial import OPTIONS, Trial
from kingbird.tests.functional.chaos.stage import kind
from kingbird.tests.functional.chaos.trial import Trials
from kingbird.tests.functional.chaos.world import World, world
from kingbird.tests.functional.deployment import Deployment, Kind, deploy
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import Proxy

#: Images of a job between stand-ins, and between real Glances.  ``make chaos`` takes at least as
#: many.
MANY, REAL = 300, 60
#: The same for one process with SQLite.
EMBEDDED_MANY, EMBEDDED_REAL = 150, 30


@pytest.fixture(scope="session")
def chaos_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start a cloud of its own, because faults kill its services."""
    with world(tmp_path_factory.mktemp("chaos")) as made:
        yield made


@pytest.fixture(scope="session")
def trials(
    request: pytest.FixtureRequest,
    chaos_world: World,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Trials]:
    """Return trials on a Kingbird with the database that the test names.

    The parameter may name the concurrency backend after a slash.
    """
    database, _, backend = request.param.partition("/")
    made_of = kind(database, backend or Kind().backend)
    many, real = (EMBEDDED_MANY, EMBEDDED_REAL) if made_of.standalone else (MANY, REAL)
    folder = tmp_path_factory.mktemp(f"{database}{backend}")
    with deploy(made_of, chaos_world.cloud, folder) as kingbird:
        chaos_world.kingbirds.append(kingbird)
        try:
            yield Trials(chaos_world, kingbird, many=many, real=real)
        finally:
            chaos_world.kingbirds.remove(kingbird)


@pytest.fixture(scope="module")
def importing_kingbird(
    cloud: Any, glances: dict[str, Proxy], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Start a Kingbird that has little patience with imports."""
    with deploy(Kind(options=OPTIONS), cloud, tmp_path_factory.mktemp("imports")) as running:
        yield running


@pytest.fixture
def trial(
    importing_kingbird: Deployment, demo: Person, glances: dict[str, Proxy]
) -> Iterator[Trial]:
    """Make an image in RegionOne whose data RegionTwo is to get."""
    made = Trial(importing_kingbird, demo, glances)
    try:
        yield made
    finally:
        made.gate.set()
