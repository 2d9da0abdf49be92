"""Parts of plans of namespaces, and plans of retries."""

import pytest

from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.metadefs.scene import MetadefScene, a_set

NAME = "OS::Test"


@pytest.fixture
def scene():
    return MetadefScene()


@pytest.mark.parametrize("names", ["abc", ""])
def test_a_region_is_looked_at_once_though_many_calls_fail(scene, names):
    for name in "abc":
        scene.make("R1", namespace=name)
    scene.glances["R1"].fail("GET namespace", unavailable(), times=None)
    looks = []
    planner, items = scene.plan(
        a_set(*names, targets=["R2", "R3"]), is_away=lambda region: not looks.append(region)
    )
    assert (items, looks) == ([], ["R1"])
    assert planner.next_cursor.covered_to == {"R1": ""}


@pytest.mark.parametrize("known", [None, {}])
def test_a_retried_item_ends_though_its_target_is_the_source_by_now(scene, known):
    for region in ("R1", "R2"):
        scene.make(region)
    one = a_set(NAME, sources=["R1", "R2"], preferred=["R1", "R2"], targets=["R1", "R2"])
    _, items = scene.plan(one, known=known)
    assert {each.outcome.reason for each in items} == {"in_sync"}
    expected = ["R2"] if known is None else ["R1", "R2"]
    assert [each.target_region for each in items] == expected
