"""The scene, stopped when its test is over."""

import pytest

from kingbird.tests.unit.engine.scene import Scene


@pytest.fixture
def scene(database):
    """Give an engine's surroundings."""
    made = Scene(database)
    yield made
    for glance in made.glances.values():
        glance.heal()
    for engine in made.engines:
        engine.stop()
