"""Test the turns of tasks for data, one by one."""

import time

import pytest
import sqlalchemy as sa

from kingbird import events, exception
from kingbird.db import api as db
from kingbird.engine import importer
from kingbird.engine.leases import HeldLease
from kingbird.tests.doubles.glance import refused
from kingbird.tests.unit.db.rows import LEASE, PROJECT, expire
from kingbird.tests.unit.db.states import find, state, stored
from kingbird.tests.unit.engine.turns import Turns


@pytest.fixture
def turns(scene):
    return Turns(scene)


def test_an_import_from_the_request_to_the_end(turns):
    image_id = turns.image()
    turns.copies(image_id)
    assert turns.turn() == importer.FIRST_PAUSE
    assert turns.outcome == ("IN_PROGRESS", "created", "importing")
    assert (turns.only.data_tries, turns.only.bytes) == (1, 4)
    assert turns.scene.get(turns.job_id).status == "IN_PROGRESS"
    turns.glances["R2"].begin_import(image_id)
    turns.turn()
    assert turns.only.import_task, "the task is noted"
    calls = turns.glances["R2"].count()
    turns.turn()
    after = turns.glances["R2"].count() - calls
    assert dict(after) == {"list": 1}, "a turn that waits makes one call"
    turns.glances["R2"].finish_import(image_id)
    assert turns.turn() is None
    assert turns.outcome == ("SUCCESS", "created", "active")
    assert turns.only.data_seconds > 0
    assert turns.scene.get(turns.job_id).status == "SUCCESS"
    assert turns.access.ended == [turns.job_id]
    assert turns.asked() == [image_id]


def test_the_request_names_region_image_and_interface(turns):
    turns.scene.conf.set_override("import_interface", "internal", group="glance")
    image_id, bodies = turns.image(), []
    glance = turns.glances["R2"]
    handle = glance.handle

    def watch(caller, method, url, body):
        bodies.append((method, url, body))
        return handle(caller, method, url, body)

    glance.handle = watch
    turns.copies(image_id)
    turns.turn()
    assert (
        "POST",
        f"/v2/images/{image_id}/import",
        {
            "method": {
                "name": "glance-download",
                "glance_region": "R1",
                "glance_image_id": image_id,
                "glance_service_interface": "internal",
            }
        },
    ) in bodies


def test_parts_go_first_then_small_ones_and_no_more_than_a_limit(turns):
    sizes = [5, 1, 4, 2, 3, 6]
    ids = {size: turns.image(b"x" * size) for size in sizes}
    turns.copies(*ids.values())
    turns.turn()
    assert turns.asked() == [ids[1], ids[2], ids[3], ids[4]]
    assert turns.turn() > 0
    assert len(turns.asked()) == 4
    turns.glances["R2"].finish_import(ids[2])
    turns.turn()
    assert turns.asked()[4:] == [ids[5]]


def test_a_machine_waits_for_the_data_of_its_parts(turns):
    kernel = turns.image(b"a larger kernel")
    machine = turns.image(b"m", kernel_id=kernel)
    turns.copies(kernel, machine)
    for _ in range(2):
        turns.turn()
        assert turns.asked() == [kernel]
    turns.glances["R2"].finish_import(kernel)
    assert turns.turn() == importer.FIRST_PAUSE
    turns.turn()
    assert turns.asked() == [kernel, machine]
    turns.glances["R2"].finish_import(machine)
    assert turns.turn() is None
    assert {item.data for item in turns.items.values()} == {"active"}


def test_a_machine_without_its_parts_says_why(turns):
    kernel = turns.image(b"a larger kernel")
    machine = turns.image(b"m", kernel_id=kernel)
    turns.copies(kernel, machine)
    turns.turn()
    turns.glances["R1"].delete(kernel)
    turns.glances["R2"].finish_import(kernel)
    while turns.turn() is not None:
        pass
    assert turns.items[kernel].reason == "source_gone"
    found = turns.items[machine]
    assert (found.status, found.reason, found.data) == ("FAILURE", "dependency_failed", "none")
    assert f"kernel_id names image {kernel}" in found.message
    assert turns.asked() == [kernel]
    assert found.target_resource == machine, "its record is there"


def test_parts_that_refer_to_each_other_do_not_wait(turns):
    first = turns.image(b"1")
    second = turns.image(b"2", kernel_id=first)
    turns.copies(first, second, rank=0)
    turns.turn()
    assert turns.asked() == [first, second]


def state_of(image_id):
    """Return the stored state of an image in R2: its word, reason and the copy's status."""
    found = stored().get((image_id, "R2"))
    return found and (found["state"], found["reason"], found["image_status"])


def without_data(turns, image_id):
    """Store the state of a copy that has no data yet."""
    find(state(image_id, state="no_data", project_id=turns.owner(image_id)))


def test_the_state_of_an_image_follows_its_data(turns):
    image_id = turns.image()
    without_data(turns, image_id)
    turns.copies(image_id)
    turns.turn()
    assert state_of(image_id) == ("importing", "no_data", "queued")
    turns.glances["R2"].fail_import(image_id)
    turns.turn()
    assert state_of(image_id) == ("no_data", "no_data", "queued")
    assert "asked again" in stored()[image_id, "R2"]["message"]
    turns.set(data_due=1)
    turns.turn()
    assert state_of(image_id)[0] == "importing"
    turns.glances["R2"].finish_import(image_id)
    assert turns.turn() is None
    assert state_of(image_id) is None, "it is in order"


@pytest.mark.parametrize(
    ("happens", "found"),
    [
        (lambda glance, one: glance.finish_import(one, b"no"), ("conflict", "data_differs")),
        (lambda glance, one: glance.delete(one), ("missing", "import_failed")),
    ],
)
def test_the_state_of_an_image_whose_data_do_not_arrive(turns, happens, found):
    image_id = turns.image()
    without_data(turns, image_id)
    turns.copies(image_id)
    turns.turn()
    happens(turns.glances["R2"], image_id)
    assert turns.turn() is None
    assert state_of(image_id)[:2] == found


def test_a_stuck_import_stays_one_that_is_imported(turns):
    image_id = turns.image()
    without_data(turns, image_id)
    turns.copies(image_id)
    turns.turn()
    turns.glances["R2"].begin_import(image_id)
    turns.set(data_since=turns.now - 3_700_000)
    assert turns.turn() is None
    assert state_of(image_id) == ("importing", "import_stuck", "importing")


def test_data_of_another_projects_image_tell_no_state(turns):
    image_id = turns.image()
    turns.copies(image_id)
    with db.get_engine().begin() as bind:
        work = bind.scalar(sa.select(db.Item.work))
        bind.execute(sa.update(db.Item).values(work={**work, "project": None}))
    turns.turn()
    assert turns.outcome == ("IN_PROGRESS", "created", "importing")
    assert state_of(image_id) is None


def test_the_end_of_an_import_is_told(turns):
    told = []

    def note(event):
        if isinstance(event, events.ImportEnded):
            told.append((event.region, event.reason, event.size, event.seconds is not None))

    arrives, stuck, ours = turns.image(b"12345"), turns.image(b"1"), turns.image(b"22")
    turns.copies(arrives, stuck, ours)
    turns.glances["R2"].upload(ours, b"22")
    events.subscribe(note)
    try:
        turns.turn()
        turns.glances["R2"].finish_import(arrives)
        turns.turn()
        assert told == [("R2", "imported", 5, True)]
        turns.glances["R2"].begin_import(stuck)
        turns.set(data_since=turns.now - 3_700_000)
        turns.turn()
    finally:
        events.unsubscribe(note)
    assert told[1:] == [("R2", "import_stuck", 0, False)]
    assert turns.items[ours].data == "active", "that was no import"


def test_a_409_is_taken_over(turns):
    image_id = turns.image()
    turns.copies(image_id)
    turns.glances["R2"].fail("import", refused(409, "Image has active task"))
    turns.turn()
    assert turns.outcome == ("IN_PROGRESS", "created", "importing")
    # Somebody uploads meanwhile.
    turns.glances["R2"].upload(image_id, b"data")
    assert turns.turn() is None
    assert turns.outcome == ("SUCCESS", "created", "active")


def test_an_engine_that_is_killed_between_request_and_row(turns):
    image_id = turns.image()
    turns.copies(image_id)
    claim = db.leases.claim_task("e1", LEASE)
    (item,) = db.imports.begin_turn(claim, 1).waiting
    assert db.imports.reserve(claim, [item], db.imports.Limits(4, 8))
    images = turns.glances["R2"].images_for(PROJECT)
    images.import_data(image_id, region="R1", source_id=image_id, interface="public")
    turns.turn()
    assert turns.outcome == ("IN_PROGRESS", "created", "importing")
    assert len(turns.asked()) == 1, "it is not asked for again"


def test_an_engine_that_is_killed_before_the_request(turns):
    image_id = turns.image()
    turns.copies(image_id)
    claim = db.leases.claim_task("e1", LEASE)
    (item,) = db.imports.begin_turn(claim, 1).waiting
    assert db.imports.reserve(claim, [item], db.imports.Limits(4, 8))
    turns.turn()
    turns.turn()
    assert turns.asked() == [image_id]
    assert turns.outcome == ("IN_PROGRESS", "created", "importing")


def test_a_copy_that_was_deleted_or_hidden_meanwhile(turns):
    gone, hidden = turns.image(), turns.image()
    turns.copies(gone, hidden)
    turns.turn()
    turns.glances["R2"].delete(gone)
    turns.glances["R2"]._change(hidden, os_hidden=True)
    turns.turn()
    assert turns.items[gone].reason == "import_failed"
    assert turns.items[hidden].data == "importing"


def test_a_cancel_says_what_glance_goes_on_with(turns):
    turns.scene.conf.set_override("imports_per_region", 1, group="sync")
    first, second = turns.image(b"1"), turns.image(b"22")
    turns.copies(first, second)
    turns.turn()
    assert db.job_actions.cancel(turns.scene.get(turns.job_id))
    assert turns.turn() is None
    found = turns.items
    assert {item.status for item in found.values()} == {"CANCELLED"}
    assert "goes on" in found[first].message
    assert "goes on" not in found[second].message
    assert (found[first].data, found[second].data) == ("failed", "none")
    assert turns.scene.get(turns.job_id).status == "CANCELLED"


def test_a_record_that_is_not_ours_by_now(turns):
    image_id = turns.image()
    turns.copies(image_id, reason="in_sync")
    images = turns.glances["R2"].images_for(PROJECT)
    images.update(image_id, [{"op": "remove", "path": "/kingbird_source_id"}])
    assert turns.turn() is None
    assert turns.outcome == ("SUCCESS", "in_sync", "none")
    assert turns.asked() == []


def test_an_engine_that_lost_its_task_asks_for_nothing(turns):
    turns.copies(turns.image())
    expire()
    claim = db.leases.claim_task("e1", LEASE)
    held = HeldLease(claim, LEASE, time.monotonic())
    held.note_lost()
    with pytest.raises(exception.LeaseLost):
        turns.importer.run(held)
    assert turns.asked() == []
    expire()
    assert db.leases.claim_task("e2", LEASE)
    with pytest.raises(exception.LeaseLost):
        turns.importer.run(HeldLease(claim, LEASE, time.monotonic()))
    assert turns.asked() == []


def test_pauses_grow_with_the_time_that_an_import_takes(turns):
    image_id = turns.image()
    turns.copies(image_id)
    turns.turn()
    turns.glances["R2"].begin_import(image_id)
    turns.turn()
    for seconds, pause in ((1, 1), (10, 5), (1000, importer.LONGEST_PAUSE)):
        turns.set(data_since=turns.now - 1000 * seconds)
        assert abs(turns.turn() - pause) < 1
    assert turns.outcome[0] == "IN_PROGRESS"


# Whole jobs.
