"""The Glances that need no cloud: the double, and the stand-in over HTTP."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kingbird.tests.functional.contract_scenes import FakeScene, Scene, StandinScene

# The tools are not part of the package that is installed: they are found beside it.
sys.path.insert(0, str(Path(__file__).parents[4] / "tools"))


@pytest.fixture(scope="session")
def standin() -> Iterator[Any]:
    """Give a stand-in that tests share; each uses images of its own."""
    from standin import Standin

    with Standin(["RegionOne", "RegionTwo"]) as running:
        yield running


@pytest.fixture(params=["double", "standin"])
def scene(request: pytest.FixtureRequest) -> Scene:
    """A Glance that the contract is checked on."""
    if request.param == "double":
        return FakeScene()
    return StandinScene(request.getfixturevalue("standin"))
