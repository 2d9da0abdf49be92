"""Sets with filters ask which images have a state, so that no stale state is left."""

import pytest

from kingbird.sync.finding import END
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.scene import ADMIN, DEMO, Scene


@pytest.mark.parametrize("is_admin", [False, True])
@pytest.mark.parametrize("all_projects", [False, True])
def test_only_admins_ask_for_states_of_all_projects(is_admin, all_projects):
    scene = Scene()
    for _ in range(3):
        scene.create(name="a")
    one = SyncSet(("*",), ("R1",), ("R2",), filters={"name": "a"}, all_projects=all_projects)
    scene.plan_sets(one, caller=scene.caller(ADMIN if is_admin else DEMO, is_admin))
    firsts, lasts, asked = zip(*scene.asked_states, strict=True)
    assert set(asked) == {is_admin and all_projects}
    # Each id is asked for once.
    assert [*firsts, END] == ["", *lasts]


def test_sets_without_filters_ask_for_no_states():
    scene = Scene()
    scene.create(name="a")
    scene.plan_sets(SyncSet(("*",), ("R1",), ("R2",)))
    assert scene.asked_states == []
