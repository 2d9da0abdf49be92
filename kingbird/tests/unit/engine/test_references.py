"""References of jobs that are tried again, and of those that other sets of a job bring."""

import pytest

from kingbird.db import api as db
from kingbird.engine.resource_types.images import resolve_references
from kingbird.sync.outcome import SEVERAL_SETS
from kingbird.tests.unit.db.rows import accepted_job, sync_set
from kingbird.tests.unit.engine.jobs import active, retry, wildcard_job

OTHER_PROJECT = "o" * 32


@pytest.fixture(params=["by ids", "wildcard"])
def ami_job(request, scene):
    """Makes a job for an AMI that names an image."""

    def make(kernel):
        ami = active(scene, kernel_id=kernel, disk_format="ami", container_format="ami")
        if request.param == "by ids":
            return ami, scene.job(ami, targets=("R2",))
        return ami, wildcard_job(scene, {"sources": ["R1"], "targets": ["R2"]})

    return make


def reasons(scene, job_id):
    return {item.resource: item.reason for item in scene.items(job_id)}


def test_a_retry_does_not_take_another_projects_image_either(scene, ami_job):
    kernel = active(scene, disk_format="aki", container_format="aki")
    theirs = scene.glances["R2"].images_for(OTHER_PROJECT)
    theirs.create({"id": kernel, "name": "theirs", "visibility": "community"})
    ami, job_id = ami_job(kernel)
    scene.engine()
    for _ in range(2):
        assert scene.ended(job_id) == "FAILURE"
        assert reasons(scene, job_id) == {kernel: "owner_conflict", ami: "dependency_failed"}
        retry(scene, job_id)
    assert scene.ended(job_id) == "FAILURE"
    scene.glances["R2"].delete(kernel)
    scene.glances["R2"].purge()
    retry(scene, job_id)
    assert scene.ended(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {kernel: "created", ami: "created"}


def test_a_retry_finds_what_was_put_there_since(scene, ami_job):
    """Its kernel can't be copied, and is no task's work."""
    kernel = active(scene, disk_format="aki", container_format="aki")
    scene.glances["R1"].delete(kernel)
    ami, job_id = ami_job(kernel)
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert reasons(scene, job_id) == {kernel: "source_gone", ami: "dependency_failed"}
    operator = scene.glances["R2"].images_for(OTHER_PROJECT, is_admin=True)
    operator.create({"id": kernel, "name": "kernel", "visibility": "public"})
    retry(scene, job_id)
    assert scene.ended(job_id) == "SUCCESS"
    assert reasons(scene, job_id) == {kernel: "in_sync", ami: "created"}
    assert scene.glances["R2"].peek(ami)["kernel_id"] == kernel


@pytest.mark.parametrize("resource", ["head", "*"])
def test_a_chain_is_created_from_its_end(scene, resource):
    last = None
    for _ in range(4):
        refers = {"kernel_id": last} if last else {}
        last = active(scene, **refers)
    scene.keystone.trusts.add("trust")
    job_id = accepted_job(request=[sync_set([last if resource == "head" else "*"])])
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert scene.glances["R2"].ids == scene.glances["R1"].ids


def test_what_a_dry_run_would_make_is_not_there(scene):
    kernel = active(scene, disk_format="aki", container_format="aki")
    ami = active(scene, kernel_id=kernel, disk_format="ami", container_format="ami")
    scene.keystone.trusts.add("trust")
    request = [sync_set([kernel], dry_run=True), sync_set([ami]), sync_set([ami])]
    job_id = accepted_job(request=request)
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    (item,) = (one for one in scene.items(job_id) if one.resource == ami)
    assert item.reason == "dependency_failed"
    assert item.message.endswith(f"missing; {SEVERAL_SETS}")
    assert not scene.glances["R2"].ids


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize(
    ("status", "target", "is_there"),
    [
        ("SUCCESS", "new", True),
        ("FAILURE", "new", True),
        ("FAILURE", None, False),
        ("IN_PROGRESS", "new", False),
        ("IN_PROGRESS", None, False),
        ("PLANNED", "new", False),
        ("CANCELLED", None, False),
    ],
)
def test_an_image_is_referred_to_only_if_it_is_there(part, status, target, is_there):
    work = {"record": {"id": "ami"}, "owner": None, "data": {}, "references": {"kernel_id": "k"}}
    ami = db.Item(resource="ami", part=1, target_region="R2", work=work)
    kernel = db.Item(resource="k", part=part, status=status, target_resource=target, reason="r")
    found = resolve_references(ami, {"k": kernel})
    if is_there:
        assert found.record["kernel_id"] == "new"
    else:
        assert found.reason == "dependency_failed"
