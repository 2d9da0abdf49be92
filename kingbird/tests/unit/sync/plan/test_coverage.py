"""Sets with filters ask which images have a state, so that no stale state is left."""

import pytest

from kingbird.sync.finding import END
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import unavailable
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


def active(scene, region, name):
    image_id = scene.create(region, name=name)["id"]
    scene.glances[region].upload(image_id, b"data")
    return image_id


def covered(scene, *sources, **filters):
    """Plan a set with filters, and return the ids that it has compared."""
    scene.plan_sets(SyncSet(("*",), sources, ("R3",), filters=filters))
    _, stretches = scene.planner.findings.take()
    return set().union(*(one.ids for one in stretches))


@pytest.mark.parametrize("sources", [("R1",), ("R1", "R2")])
def test_images_with_a_state_are_compared_if_they_are_selected_or_gone(sources):
    """Each source is asked for an image that no list has, as a filter may have left it out."""
    scene = Scene()
    selected = active(scene, "R1", "a")
    others = [active(scene, region, "b") for region in sources]
    gone = "ffffffff-ffff-4fff-bfff-ffffffffffff"
    scene.stated = sorted([selected, *others, gone])
    assert covered(scene, *sources, name="a") == {selected, gone}


def test_no_image_is_gone_while_a_source_does_not_answer_by_id():
    scene = Scene()
    selected = active(scene, "R1", "a")
    scene.stated = sorted([selected, "ffffffff-ffff-4fff-bfff-ffffffffffff"])
    lists = iter([None] * 2)
    scene.glances["R1"].fail("list", lambda _: next(lists, unavailable()), times=None)
    assert covered(scene, "R1", name="a") <= {selected}
