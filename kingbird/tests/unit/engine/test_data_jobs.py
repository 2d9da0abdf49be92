"""Test whole jobs with data."""

import threading

import pytest

from kingbird.engine import importer
from kingbird.tests.unit.db.rows import sync_set
from kingbird.tests.unit.engine.jobs import counts, retry, wildcard_job
from kingbird.tests.unit.engine.test_apply import apply
from kingbird.tests.waiting import PATIENCE, wait_for


@pytest.fixture
def quick(scene, monkeypatch):
    """Let imports end as soon as they begin, and turns follow at once."""
    monkeypatch.setattr(importer, "FIRST_PAUSE", 0.02)
    for glance in scene.glances.values():
        glance.on_import = glance.finish_import
    return scene


def data_job(scene, *images, **options):
    request = sync_set(images or ["*"], targets=("R2", "R3"), data="import", **options)
    return wildcard_job(scene, request)


def test_a_job_ends_when_its_data_have_arrived(quick):
    images = [quick.image(visibility="private") for _ in range(6)]
    for image_id in images[:5]:
        quick.glances["R1"].upload(image_id, image_id.encode())
    job_id = data_job(quick, *images)
    quick.engine()
    assert quick.tidied(job_id) == "SUCCESS"
    for item in quick.items(job_id):
        copy = quick.glances[item.target_region].peek(item.resource)
        source = quick.glances["R1"].peek(item.resource)
        assert copy["os_hash_value"] == source["os_hash_value"]
        assert item.data == ("none" if item.resource == images[5] else "active")
        assert (item.status, item.reason) == ("SUCCESS", "created")
    # A second run over all writes nothing.
    before = [quick.glances[region].count() for region in ("R2", "R3")]
    again = data_job(quick)
    quick.engines[0].wake()
    assert quick.tidied(again) == "SUCCESS"
    assert quick.items(again) == []
    for region, counted in zip(("R2", "R3"), before, strict=True):
        assert set(quick.glances[region].count() - counted) <= {"list"}


def test_copies_of_an_earlier_run_are_completed(quick):
    image_id = quick.image(visibility="private")
    quick.glances["R1"].upload(image_id, b"data")
    first = quick.job(image_id)
    engine = quick.engine()
    assert quick.tidied(first) == "SUCCESS"
    assert quick.glances["R2"].peek(image_id)["status"] == "queued"
    second = data_job(quick)
    engine.wake()
    assert quick.tidied(second) == "SUCCESS"
    assert {(item.action, item.reason, item.data) for item in quick.items(second)} == {
        ("import", "imported", "active")
    }


def test_a_retry_imports_what_failed(quick):
    image_id = quick.image(visibility="private")
    quick.glances["R1"].upload(image_id, b"data")
    quick.glances["R3"].import_methods = ()
    job_id = data_job(quick, image_id)
    engine = quick.engine()
    assert quick.tidied(job_id) == "FAILURE"
    assert counts(quick, job_id)[1] == {"created": 1, "import_not_enabled": 1}
    quick.glances["R3"].import_methods = ("glance-download",)
    assert retry(quick, job_id)
    engine.wake()
    assert quick.tidied(job_id) == "SUCCESS"
    assert counts(quick, job_id)[1] == {"created": 1, "imported": 1}


def test_the_end_of_a_pause_is_not_waited_for_with_the_poll(quick):
    quick.conf.set_override("poll_interval", 3 * PATIENCE, group="engine")
    for glance in quick.glances.values():
        # The first look finds that the import runs.
        glance.on_import = lambda one, at=glance: threading.Timer(
            0.3, at.finish_import, [one]
        ).start()
    image_id = quick.image(visibility="private")
    quick.glances["R1"].upload(image_id, b"data")
    job_id = data_job(quick, image_id)
    quick.engine()
    assert quick.tidied(job_id) == "SUCCESS"


def test_nothing_is_held_while_data_are_waited_for(quick):
    for glance in quick.glances.values():
        glance.on_import = None
    image_id = quick.image(visibility="private")
    quick.glances["R1"].upload(image_id, b"data")
    job_id = data_job(quick, image_id)
    engine = quick.engine()
    wait_for(lambda: all(quick.glances[region].importing() for region in ("R2", "R3")))
    wait_for(lambda: engine.describe()["works on"] == [])
    assert quick.get(job_id).status == "IN_PROGRESS"
    for region in ("R2", "R3"):
        quick.glances[region].run_imports()
    assert quick.tidied(job_id) == "SUCCESS"


def test_a_dry_run_that_is_applied_imports_what_it_showed(quick):
    there, outdated = (quick.image(visibility="private") for _ in range(2))
    for image_id in (there, outdated):
        quick.glances["R1"].upload(image_id, b"data")
    engine = quick.engine()
    assert quick.tidied(quick.job(there, outdated)) == "SUCCESS"
    dry = data_job(quick, there, outdated, dry_run=True)
    engine.wake()
    quick.tidied(dry)
    assert {(item.reason, item.data) for item in quick.items(dry)} == {("no_data", "pending")}
    assert counts(quick, dry)[0] == {"PLANNED": 4}
    quick.glances["R2"].upload(outdated, b"data")
    job_id = apply(quick, dry)
    engine.wake()
    assert quick.tidied(job_id) == "FAILURE"
    found = {(item.resource, item.target_region): item for item in quick.items(job_id)}
    left = found.pop((outdated, "R2"))
    assert (left.reason, left.data) == ("plan_outdated", "none")
    assert {(item.reason, item.data) for item in found.values()} == {("imported", "active")}
