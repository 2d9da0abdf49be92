"""A record with long values is written with the values that its source has by then."""

import pytest

from kingbird.clients.long_values import shorten
from kingbird.sync.item import WriteSpec
from kingbird.sync.long_records import LongRecords
from kingbird.sync.outcome import Outcome
from kingbird.tests.doubles.glance import unavailable
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
