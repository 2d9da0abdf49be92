"""A job that undoes another one: what it created, what it updated, and what others touched."""

import uuid

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.sync import image as fields
from kingbird.tests.unit.db.rows import PROJECT, sync_set
from kingbird.tests.unit.engine.jobs import counts

NEW = {"disk_format": "raw", "container_format": "bare", "visibility": "private"}


def sync(scene, **options):
    """Sync all images of R1 to R2, and return the job that has ended."""
    request = [{**sync_set(["*"], ["R1"], ["R2"]), **options}]
    return job(scene, request)


def job(scene, request, of=None, state="SUCCESS"):
    job_id = str(uuid.uuid4())
    scene.keystone.trusts.add(job_id)
    db.jobs.create(
        job_id=job_id,
        project_id=PROJECT,
        user_id="who",
        request=request,
        is_admin=False,
        request_id=None,
        of=of,
    )
    assert db.jobs.accept(job_id, trust_id=job_id)
    assert scene.ended(job_id) == state
    return job_id


def undo(scene, job_id):
    return job(scene, scene.get(job_id).request, of=job_id)


def seen(glance):
    """Return the images of a region without their times and Kingbird's mark."""
    left_out = {"updated_at", fields.UNDONE}
    images = {one: glance.peek(one) for one in glance.ids}
    return {
        one: {name: image[name] for name in image.keys() - left_out}
        for one, image in images.items()
    }


def make(scene, region, number, **more):
    body = {**NEW, "name": f"image {number}", "id": str(uuid.UUID(int=number)), **more}
    return scene.glances[region].images_for(PROJECT).create(body)["id"]


def test_a_hundred_created_and_fifty_updated_ten_touched(scene):
    updated = [make(scene, "R1", number, os_distro="new") for number in range(50)]
    for number in range(50):
        make(scene, "R2", number, os_distro="old", p="v" if number % 2 else "w")
    created = [make(scene, "R1", number) for number in range(50, 150)]
    for image in (*updated, *created):
        scene.glances["R1"].upload(image, b"x")
    scene.engine()
    home, before = seen(scene.glances["R1"]), seen(scene.glances["R2"])
    first = sync(scene, on_drift="update")
    assert counts(scene, first)[1] == {"created": 100, "updated": 50}

    # Some are touched: five records got data, five updates were changed once more.
    mine = scene.glances["R2"].images_for(PROJECT)
    for image in created[:5]:
        scene.glances["R2"].upload(image, b"x")
    for image in updated[:5]:
        mine.update(image, [{"op": "add", "path": "/os_distro", "value": "mine"}])
    scene.glances["R2"].calls.clear()
    second = undo(scene, first)
    assert counts(scene, second)[1] == {"undone": 140, "kept": 5, "touched": 5}
    assert scene.get(second).of_id == first
    # Images appear before others are hidden, and no region is listed.
    calls = [name for name, _ in scene.glances["R2"].calls]
    assert set(calls) == {"get", "update"}
    assert calls.count("update") == 140
    after = seen(scene.glances["R2"])
    assert {one for one in after if after[one]["os_hidden"]} == {*created[5:]}
    assert {one: after[one] for one in updated[5:]} == {one: before[one] for one in updated[5:]}
    assert {after[one]["os_distro"] for one in updated[:5]} == {"mine"}
    assert seen(scene.glances["R1"]) == home
    messages = {item.reason: item.message for item in scene.items(second)}
    assert "got data" in messages["kept"]
    assert "os_distro" in messages["touched"]

    # Nothing is made twice: a sync makes them whole again.
    third = sync(scene, on_drift="update")
    assert counts(scene, third)[1] == {"updated": 145, "in_sync": 5}
    assert "create" not in scene.glances["R2"].count()
    assert not any(image["os_hidden"] for image in seen(scene.glances["R2"]).values())
    assert {image.get("os_distro") for image in seen(scene.glances["R2"]).values()} == {
        "new",
        None,
    }


def test_a_job_that_wrote_nothing_has_nothing_to_undo(scene):
    make(scene, "R1", 1)
    scene.engine()
    assert not scene.items(undo(scene, sync(scene)))


def test_a_job_that_was_deleted_is_not_undone(scene):
    scene.engine()
    request = [sync_set(["*"], ["R1"], ["R2"])]
    second = job(scene, request, of=str(uuid.uuid4()), state="FAILURE")
    assert counts(scene, second)[1] == {"plan_outdated": 1}


def test_it_is_undone_once_and_again_after_a_failure(scene):
    make(scene, "R1", 1)
    scene.engine()
    first = sync(scene)
    assert not db.undos.is_undone(scene.get(first))
    second = undo(scene, first)
    assert db.undos.is_undone(scene.get(first))
    assert not db.undos.is_undone(scene.get(second))
    with db.get_engine().begin() as connection:
        connection.execute(
            sa.text("UPDATE jobs SET status = 'FAILURE' WHERE id = :id"), {"id": second}
        )
    assert not db.undos.is_undone(scene.get(first))
