"""Images are found by their ids, in each region at its own pace."""

import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from kingbird import exception
from kingbird.clients.image_lists import IDS_PER_CALL
from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.listing.lookup import lookup_regions
from kingbird.tests.unit.sync.scene import Scene, submit
from kingbird.tests.waiting import PATIENCE

MANY = [str(uuid.UUID(int=n)) for n in range(3 * IDS_PER_CALL)]


@pytest.fixture
def scene():
    return Scene(retry_timeout=0.0)


def lookup(scene, wanted, submit=submit, **options):
    regions = {r: scene.images(r) for r in wanted}
    return lookup_regions(wanted, regions, RegionCalls(submit, scene.retry), **options)


def test_hidden_images_are_found_too(scene):
    ids = [scene.create(os_hidden=hidden)["id"] for hidden in (False, True)]
    found = lookup(scene, {"R1": [*ids, *MANY], "R2": ids})
    assert (found["R1"].keys(), found["R2"]) == (set(ids), {})
    assert scene.glances["R1"].count() == {"create": 2, "list": 8}


def test_a_region_that_hangs_delays_no_other(scene):
    r2_is_done, waited = threading.Event(), []
    scene.glances["R1"].before_page = lambda query: waited.append(r2_is_done.wait(PATIENCE))
    calls = []

    def note(query):
        calls.append(query)
        if len(calls) == 2:
            r2_is_done.set()

    scene.glances["R2"].before_page = note
    with ExitStack() as stack:
        pools = {r: stack.enter_context(ThreadPoolExecutor(1)) for r in ("R1", "R2")}
        found = lookup(
            scene,
            {"R1": MANY[:1], "R2": MANY[:1]},
            lambda region, function, *args: pools[region].submit(function, *args),
        )
    assert found == {"R1": {}, "R2": {}}
    assert waited == [True, True], "hidden images of R2 were asked for meanwhile"


class OneFails:
    """Fails the first call to R1, and leaves what comes after it in the queue."""

    def __init__(self, error):
        self.error = error
        self.queued = []

    def __call__(self, region, function, *args):
        if region == "R2":
            return submit(region, function, *args)
        future = Future()
        if not self.queued:
            future.set_exception(self.error)
        self.queued.append(future)
        return future


def test_where_one_call_fails_the_others_to_its_region_are_cancelled(scene):
    image_id = scene.create("R2")["id"]
    calls = OneFails(exception.RegionUnavailable("Away"))
    found = lookup(scene, {"R1": MANY, "R2": [image_id]}, calls)
    assert found["R1"] is calls.error
    assert found["R2"].keys() == {image_id}
    assert [call.cancelled() for call in calls.queued] == [False, True, True]


def test_an_error_that_ends_the_job_cancels_everything(scene):
    calls = OneFails(exception.Cancelled("Cancelled"))
    with pytest.raises(exception.Cancelled):
        lookup(scene, {"R1": MANY, "R2": []}, calls)
    assert [call.cancelled() for call in calls.queued] == [False, True, True]


def test_a_region_without_an_endpoint_is_unavailable(scene):
    found = lookup_regions({"R9": MANY}, {}, RegionCalls(submit, scene.retry))
    assert isinstance(found["R9"], exception.RegionUnavailable)


@pytest.mark.parametrize(
    ("hidden", "number", "calls", "calls_at_once"),
    [
        # Those that are found need no second call.
        ([False], 0, 1, 2),
        ([True], 0, 2, 2),
        ([False, True], 0, 2, 2),
        ([], IDS_PER_CALL, 2, 2),
        ([False], IDS_PER_CALL, 3, 4),
        ([], 0, 0, 0),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_visible_and_hidden_images(scene, hidden, number, calls, calls_at_once, at_once):
    ids = [scene.create(os_hidden=one)["id"] for one in hidden]
    found = lookup(scene, {"R1": [*ids, *ids, *MANY[:number]]}, at_once=at_once)
    assert found["R1"] == {one: scene.glances["R1"].peek(one) for one in ids}
    assert scene.glances["R1"].count()["list"] == (calls_at_once if at_once else calls)


def test_regions_that_are_not_asked_for_have_no_answer(scene):
    regions = {"R1": scene.images("R1"), "R2": scene.images("R2")}
    found = lookup_regions({"R1": MANY[:1], "R9": MANY}, regions, RegionCalls(submit, scene.retry))
    assert found.keys() == {"R1", "R9"}
    assert "R9" in found["R9"].message
