"""A record with long values is written with the values that its source has by then."""

import pytest

from kingbird import exception
from kingbird.clients.answer_room import Room
from kingbird.clients.call_limits import deadline
from kingbird.clients.long_values import shorten
from kingbird.sync import long_records
from kingbird.sync.item import WriteSpec
from kingbird.sync.long_records import SMALL, LongRecords
from kingbird.sync.outcome import Outcome
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.sync.scene import DEMO, Scene

OLD, NEW = "o" * 5000, "n" * 5000


@pytest.fixture
def scene():
    return Scene(retry_timeout=0)


def write(scene, image_id):
    """Write an update of the long value, and return the outcome and what is written."""
    written = []
    work = WriteSpec(
        {"id": image_id, "p": shorten(NEW), "q": "short"},
        DEMO,
        {},
        changes=[{"op": "replace", "path": "/p", "value": shorten(NEW)}],
        before={"p": shorten(OLD), "q": "s"},
        shortened=True,
    )
    records = LongRecords(scene.images("R2"), scene.images, scene.retry)
    outcome = records.write(
        image_id, "R1", work, lambda work: written.append(work) or Outcome("updated")
    )
    return outcome, written


def images(scene, new=NEW):
    image_id = scene.create("R1", p=new)["id"]
    scene.create("R2", id=image_id, p=OLD)
    return image_id


def test_the_whole_values_are_written_and_kept_for_undo(scene):
    outcome, (work,) = write(scene, images(scene))
    assert outcome.reason == "updated"
    assert (work.record["p"], work.record["q"]) == (NEW, "short")
    assert [change["value"] for change in work.changes] == [NEW]
    assert work.before == {"p": OLD, "q": "s"}
    assert not work.shortened


def test_an_old_value_that_can_not_be_read_stays_short(scene):
    image_id = images(scene)
    scene.glances["R2"].fail("get", unavailable(), times=None)
    _, (work,) = write(scene, image_id)
    assert work.before == {"p": shorten(OLD), "q": "s"}
    assert work.record["p"] == NEW


def test_a_source_that_was_changed_is_not_written(scene):
    outcome, written = write(scene, images(scene, f"{NEW}x"))
    assert (outcome.reason, written) == ("plan_outdated", [])


def test_a_source_that_is_gone(scene):
    image_id = images(scene)
    scene.glances["R1"].delete(image_id)
    outcome, written = write(scene, image_id)
    assert (outcome.reason, written) == ("source_gone", [])


@pytest.mark.parametrize("fallback", [None, {"id": "forced", "p": shorten(NEW)}, {"id": "forced"}])
def test_all_that_is_written_has_the_whole_values(scene, fallback):
    image_id = images(scene)
    changes = [
        {"op": "add", "path": "/p", "value": shorten(NEW)},
        {"op": "add", "path": "/q", "value": "short"},
    ]
    work = WriteSpec(
        {"id": image_id, "p": shorten(NEW), "q": "short"},
        DEMO,
        {"status": "active"},
        fallback=fallback,
        changes=changes,
        shortened=True,
    )
    written = []
    records = LongRecords(scene.images("R2"), scene.images, scene.retry)
    records.write(image_id, "R1", work, lambda work: written.append(work) or Outcome("created"))
    ((record, owner, data, after, made),) = [
        (one.record, one.owner, one.data, one.changes, one.fallback) for one in written
    ]
    assert record == {"id": image_id, "p": NEW, "q": "short"}
    assert (owner, data) == (DEMO, {"status": "active"})
    assert after == [{**changes[0], "value": NEW}, changes[1]]
    assert made == (fallback and {**fallback, **({"p": NEW} if "p" in fallback else {})})
    # Nothing of an old value was to be read.
    assert scene.glances["R2"].count()["get"] == 0


def test_an_old_value_that_is_gone_stays_short(scene):
    image_id = scene.create("R1", p=NEW)["id"]
    for there in (False, True):
        if there:
            scene.create("R2", id=image_id, q="other")
        _, (work,) = write(scene, image_id)
        assert work.before == {"p": shorten(OLD), "q": "s"}


def test_what_was_changed_is_named_and_no_region_is_blamed(scene):
    image_id = scene.create("R1", p=f"{NEW}x", a=OLD)["id"]
    record = {"id": image_id, "p": shorten(NEW), "a": shorten(NEW), "q": "short"}
    records = LongRecords(scene.images("R2"), scene.images, scene.retry)
    outcome = records.write(image_id, "R1", WriteSpec(record, DEMO, {}), lambda work: None)
    assert outcome == Outcome(
        "plan_outdated",
        "The image was changed in R1 since it was planned, in: a, p; nothing was written",
        region_contacted=False,
    )


@pytest.mark.parametrize(
    ("error", "reason", "message", "contacted"),
    [
        (unavailable(), "region_unavailable", "HTTP 503", False),
        (refused(403, "No."), "forbidden", "No.", True),
        (exception.CredentialsLost("No token."), "forbidden", "No token.", False),
    ],
)
def test_a_source_that_can_not_be_read(scene, error, reason, message, contacted):
    """An outage of the source is none of the region that is written to."""
    image_id = images(scene)
    scene.glances["R1"].fail("get", error, times=None)
    outcome, written = write(scene, image_id)
    assert (outcome.reason, outcome.region_contacted, written) == (reason, contacted, [])
    assert message in outcome.message


def test_a_source_without_an_endpoint(scene):
    image_id = images(scene)
    work = WriteSpec({"id": image_id, "p": shorten(NEW)}, DEMO, {})
    records = LongRecords(scene.images("R2"), lambda region: None, scene.retry)
    outcome = records.write(image_id, "R1", work, lambda work: None)
    assert (outcome.reason, outcome.region_contacted) == ("region_unavailable", False)
    assert "R1" in outcome.message


def test_a_source_is_read_again_if_it_does_not_answer(scene):
    image_id = images(scene)
    scene.retry = Scene(retry_timeout=60).retry
    for region in ("R1", "R2"):
        scene.glances[region].fail("get", unavailable(), times=1)
    _, (work,) = write(scene, image_id)
    assert (work.record["p"], work.before["p"]) == (NEW, OLD)


@pytest.mark.parametrize(("size", "takes"), [(SMALL, None), (SMALL + 1, SMALL + 1)])
@pytest.mark.parametrize("fails", [False, True])
def test_only_a_large_record_has_to_wait_for_others(scene, monkeypatch, size, takes, fails):
    value = "n" * size
    room = Room(4 * SMALL)
    monkeypatch.setattr(long_records, "ROOM", room)
    image_id = scene.create("R1", p=value)["id"]
    left = []

    def write(work):
        left.append(room._free)
        if fails:
            raise exception.LeaseLost("gone")
        return Outcome("updated")

    records = LongRecords(scene.images("R2"), scene.images, scene.retry)
    work = WriteSpec({"id": image_id, "p": shorten(value)}, DEMO, {})
    try:
        records.write(image_id, "R1", work, write)
    except exception.LeaseLost:
        assert fails
    assert left == [4 * SMALL - (takes or 0)]
    assert room._free == 4 * SMALL
    # Another record of the region is written by now, and the call has its deadline.
    room.take("R2", 1, lambda: 0)
    with deadline(0):
        if takes:
            with pytest.raises(TimeoutError):
                records.write(image_id, "R1", work, write)
        else:
            assert fails or records.write(image_id, "R1", work, write)


def test_several_regions_are_written_to_at_the_same_time():
    taken = [long_records.ROOM.take(f"R{n}", 2 << 20, lambda: 0) for n in range(4)]
    for n, size in enumerate(taken):
        long_records.ROOM.give_back(f"R{n}", size)
    assert taken == [2 << 20] * 4
