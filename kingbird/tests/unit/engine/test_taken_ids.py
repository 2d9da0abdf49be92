"""An id that a region refuses: an admin sees every image there, and a member does not."""

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import PROJECT
from kingbird.tests.unit.engine.jobs import active


@pytest.mark.parametrize(
    ("is_admin", "reason"), [(False, "id_taken"), (True, "deleted_in_target")]
)
def test_the_reason_is_what_the_caller_of_the_job_can_know(scene, is_admin, reason):
    image_id = active(scene)
    glance = scene.glances["R2"]
    glance.images_for(PROJECT).create({"id": image_id})
    glance.delete(image_id)
    job_id = scene.job(image_id, targets=("R2",))
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).values(is_admin=is_admin))
    scene.engine()
    scene.ended(job_id)
    assert [item.reason for item in scene.items(job_id)] == [reason]
