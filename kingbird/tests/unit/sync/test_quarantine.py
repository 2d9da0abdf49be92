"""A deactivation at home reaches the copies, however soon after their original they were made."""

from datetime import UTC, datetime

import pytest

from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.scene import ALL3, Scene


def sync(scene, *ids):
    for item in scene.plan_sets(SyncSet(ids or ("*",), ALL3, ALL3, preferred=(), updates=True)):
        if item.outcome is None:
            scene.apply(item)


def statuses(scene, image_id):
    return {scene.glances[region].peek(image_id)["status"] for region in ALL3}


@pytest.mark.parametrize("home", ALL3)
@pytest.mark.parametrize("is_named", [False, True])
def test_a_quarantine_spreads_from_each_home(home, is_named):
    scene = Scene()
    second = datetime.now(UTC)
    for glance in scene.glances.values():
        glance._now = lambda: second
    image_id = scene.create(home)["id"]
    scene.glances[home].upload(image_id, b"data")
    ids = (image_id,) if is_named else ()
    sync(scene, *ids)
    times = {scene.glances[region].peek(image_id)["created_at"] for region in ALL3}
    assert len(times) == 1, "Glance tells them in seconds"
    for region in ALL3:
        if region != home:
            scene.glances[region].upload(image_id, b"data")
    for active, status in ((False, "deactivated"), (True, "active")):
        scene.images(home).set_active(image_id, active)
        sync(scene, *ids)
        assert statuses(scene, image_id) == {status}
