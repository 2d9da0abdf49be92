"""Sources are read while others are written: once for all regions, and no worker waits."""

import threading
from concurrent import futures

import pytest

from kingbird import exception
from kingbird.engine.source_reads import after
from kingbird.sync.outcome import Outcome
from kingbird.tests.doubles.glance import refused
from kingbird.tests.unit.engine.jobs import active

ONE = "1" * 32


def shared(scene):
    image = active(scene, visibility="shared")
    scene.glances["R1"].share(image, ONE)
    return image


def test_one_list_for_all_regions_and_none_while_planning(scene):
    image = shared(scene)
    job_id = scene.job(image)
    asked = threading.Event()
    scene.glances["R1"].fail("members", lambda detail: asked.set(), times=None)
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert asked.is_set()
    assert scene.glances["R1"].count()["members"] == 1
    for region in ("R2", "R3"):
        assert scene.glances[region].shares(image) == {ONE: "pending"}
    messages = [item.message for item in scene.items(job_id)]
    assert messages == [f"Members have to set their status themselves: {ONE} (accepted)"] * 2


def test_the_record_is_made_where_members_can_not_be_listed(scene):
    image = shared(scene)
    scene.glances["R1"].fail("members", refused(403, "Not yours."), times=None)
    job_id = scene.job(image, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    (item,) = scene.items(job_id)
    assert (item.reason, item.message) == (
        "created",
        "Its members could not be listed in R1: Not yours.",
    )


class Pool:
    """A worker that begins when it is told to."""

    def __init__(self):
        self.queue = []
        self.read = futures.Future()
        self.written = []
        self.call = after(self.read, self.write, self.submit)

    def write(self, found):
        self.written.append(found)
        return Outcome("created")

    def submit(self, function):
        call = futures.Future()
        self.queue.append((call, function))
        return call

    def work(self):
        for call, function in self.queue:
            try:
                call.set_result(function())
            except exception.KingbirdError as error:
                call.set_exception(error)


def test_a_write_begins_when_its_source_is_read():
    pool = Pool()
    assert not pool.queue
    pool.read.set_result("members")
    assert not pool.written
    pool.work()
    assert pool.written == ["members"]
    assert pool.call.result() == Outcome("created")


@pytest.mark.parametrize("is_read", [True, False])
def test_a_write_that_has_not_begun_can_be_cancelled(is_read):
    pool = Pool()
    if is_read:
        pool.read.set_result({})
    assert pool.call.cancel()
    if not is_read:
        pool.read.set_result({})
    pool.work()
    assert not pool.written


def test_the_error_of_keystone_is_no_note():
    pool = Pool()
    pool.read.set_exception(exception.KeystoneUnavailable("away"))
    pool.work()
    with pytest.raises(exception.KeystoneUnavailable):
        pool.call.result()
    assert not pool.written


def test_an_error_is_told_to_the_write():
    pool = Pool()
    error = exception.RegionUnavailable("away")
    pool.read.set_exception(error)
    pool.work()
    assert pool.written == [error]


def test_the_error_of_a_worker_is_passed_on():
    pool = Pool()
    pool.read.set_result({})
    ((call, _),) = pool.queue
    call.set_exception(exception.RegionUnavailable("The breaker is open"))
    with pytest.raises(exception.RegionUnavailable):
        pool.call.result()
