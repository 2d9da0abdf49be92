"""One cloud for all faults, and one Kingbird at a time, into which they are thrown."""

from collections.abc import Iterator

import pytest

from kingbird.tests.functional.chaos.stage import kind
from kingbird.tests.functional.chaos.trial import Trials
from kingbird.tests.functional.chaos.world import World, world
from kingbird.tests.functional.deployment import Kind, deploy

#: Images of a job between real Glances: fewer than ``make chaos`` takes.
REAL = 60


@pytest.fixture(scope="session")
def chaos_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A cloud of its own, as its services are killed."""
    with world(tmp_path_factory.mktemp("chaos")) as made:
        yield made


@pytest.fixture(scope="session")
def trials(
    request: pytest.FixtureRequest,
    chaos_world: World,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Trials]:
    """Trials on a Kingbird with the database that the test names."""
    folder = tmp_path_factory.mktemp(request.param)
    backend = Kind().backend
    with deploy(kind(request.param, backend), chaos_world.cloud, folder) as kingbird:
        chaos_world.kingbirds.append(kingbird)
        try:
            yield Trials(chaos_world, kingbird, real=REAL)
        finally:
            chaos_world.kingbirds.remove(kingbird)
