"""Test imports that fail: when they are tried again, and how they end."""

import pytest

from kingbird.engine import importer
from kingbird.tests.doubles.glance import AFTER, refused, unavailable
from kingbird.tests.unit.db.rows import PROJECT
from kingbird.tests.unit.engine.turns import Turns


@pytest.fixture
def turns(scene):
    return Turns(scene)


def test_early_failures_are_tried_again_until_they_end(turns):
    image_id = turns.image()
    turns.copies(image_id)
    for number in range(4):
        turns.turn()
        assert len(turns.asked()) == number + 1
        turns.glances["R2"].fail_import(image_id)
        turns.turn()
        if number < 3:
            assert turns.outcome == ("IN_PROGRESS", "created", "pending")
            assert "asked again" in turns.only.message
            pause = turns.only.data_due - turns.only.data_since
            assert pause == 30_000 * 4**number
            assert turns.turn() <= pause / 1000
            assert len(turns.asked()) == number + 1, "it pauses"
            turns.set(data_due=1)
    assert turns.outcome == ("FAILURE", "import_failed", "failed")
    task = turns.glances["R2"].images_for(PROJECT).list_import_tasks(image_id)[-1]["id"]
    assert f"(task {task})" in turns.only.message
    assert turns.only.import_task == task
    assert turns.scene.get(turns.job_id).status == "FAILURE"
    assert image_id in turns.glances["R2"].ids, "nothing is deleted"


def test_a_late_failure_is_tried_once_more(turns):
    image_id = turns.image()
    turns.copies(image_id)
    turns.turn()
    turns.glances["R2"].fail_import(image_id, late=True)
    turns.turn()
    assert turns.outcome == ("IN_PROGRESS", "created", "pending")
    assert 60 * 60_000 < turns.only.data_due - turns.only.data_since < 62 * 60_000
    assert turns.turn() == importer.LONGEST_PAUSE
    turns.set(data_due=1)
    turns.glances["R2"].free(image_id)
    turns.turn()
    assert len(turns.asked()) == 2
    # The image names the stores of the first failure until the second import begins.
    turns.turn()
    assert turns.outcome == ("IN_PROGRESS", "created", "importing")
    turns.glances["R2"].fail_import(image_id, late=True)
    assert turns.turn() is None
    assert turns.outcome == ("FAILURE", "import_failed", "failed")
    assert "asked again when it had freed the image" in turns.only.message


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda glance, image_id: glance.delete(image_id), "source_gone"),
        (lambda glance, image_id: glance.deactivate(image_id), "source_not_active"),
    ],
)
def test_a_source_that_changes_meanwhile(turns, change, reason):
    image_id = turns.image()
    turns.copies(image_id)
    turns.turn()
    change(turns.glances["R1"], image_id)
    turns.glances["R2"].finish_import(image_id)
    assert turns.turn() is None
    assert turns.outcome == ("FAILURE", reason, "failed")


def test_a_stuck_import_ends(turns):
    image_id = turns.image()
    turns.copies(image_id)
    turns.turn()
    turns.glances["R2"].begin_import(image_id)
    turns.turn()
    turns.set(data_since=turns.now - 3_700_000)
    assert turns.turn() is None
    assert turns.outcome == ("FAILURE", "import_stuck", "failed")


def test_data_that_differ_are_left_alone(turns):
    image_id = turns.image()
    turns.copies(image_id)
    turns.turn()
    turns.glances["R2"].finish_import(image_id, b"other data")
    assert turns.turn() is None
    assert turns.outcome == ("FAILURE", "data_differs", "failed")
    assert turns.glances["R2"].peek(image_id)["status"] == "active"


def test_a_region_that_is_configured_to_convert(turns):
    turns.scene.conf.set_override("regions_that_convert", ["R2"], group="sync")
    image_id = turns.image()
    turns.copies(image_id)
    turns.turn()
    turns.glances["R2"].finish_import(image_id, b"other data")
    turns.turn()
    assert turns.outcome == ("SUCCESS", "created", "active")


def test_a_region_that_has_not_enabled_the_method(turns):
    turns.copies(*(turns.image() for _ in range(20)))
    turns.glances["R2"].import_methods = ("glance-direct",)
    assert turns.turn() is None
    assert {(item.reason, item.data) for item in turns.items.values()} == {
        ("import_not_enabled", "none")
    }
    assert turns.asked() == []
    assert "enabled_import_methods" in next(iter(turns.items.values())).message


def test_a_method_that_is_disabled_while_others_run(turns):
    turns.scene.conf.set_override("imports_per_region", 1, group="sync")
    first, second = turns.image(b"1"), turns.image(b"22")
    turns.copies(first, second)
    turns.turn()
    turns.glances["R2"].import_methods = ("glance-direct",)
    turns.importer._enabled.clear()
    turns.turn()
    assert turns.items[second].reason == "import_not_enabled"
    assert turns.items[first].status == "IN_PROGRESS", "it goes on"
    turns.glances["R2"].finish_import(first)
    assert turns.turn() is None
    assert turns.items[first].data == "active"


def test_it_is_remembered_for_a_while_that_a_region_fetches_data(turns):
    turns.scene.conf.set_override("imports_per_region", 1, group="sync")
    turns.copies(turns.image(b"1"), turns.image(b"22"))
    turns.turn()
    turns.turn()
    assert turns.glances["R2"].count()["methods"] == 1


def test_a_token_that_ends_soon_begins_nothing(turns):
    turns.access.good = False
    turns.copies(turns.image(), turns.image())
    assert turns.turn() is None
    assert {item.reason for item in turns.items.values()} == {"credentials_lost"}
    assert turns.asked() == []


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "forbidden"), (413, "quota"), (400, "import_not_enabled")]
)
def test_a_refusal_ends_one_item(turns, status, reason):
    first, second = turns.image(b"1"), turns.image(b"22")
    turns.copies(first, second)
    turns.glances["R2"].fail("import", refused(status, "Glance's words"))
    turns.turn()
    assert (turns.items[first].reason, turns.items[first].data) == (reason, "none")
    assert "Glance's words" in turns.items[first].message
    assert turns.items[second].data == "importing"


@pytest.mark.parametrize("when", ["before", AFTER])
def test_an_answer_that_is_lost(turns, when):
    image_id = turns.image()
    turns.copies(image_id)
    turns.glances["R2"].fail("import", unavailable(), when=when)
    turns.turn()
    assert turns.outcome == ("IN_PROGRESS", "created", "pending")
    turns.turn()
    assert turns.outcome == ("IN_PROGRESS", "created", "importing")
    assert len(turns.glances["R2"].importing()) == 1
    assert len(turns.asked()) == (2 if when == "before" else 1)


def test_a_region_that_is_away(turns):
    image_id = turns.image()
    turns.copies(image_id)
    turns.glances["R2"].fail("list", unavailable(), times=None)
    assert turns.turn() == importer.AWAY_PAUSE
    assert turns.outcome == ("IN_PROGRESS", "created", "pending")
    turns.set(data_since=1)
    assert turns.turn() is None
    assert turns.outcome == ("FAILURE", "region_unavailable", "none")


def test_a_region_that_left_the_catalog(turns):
    turns.copies(turns.image())
    del turns.access.glances["R2"]
    assert turns.turn() is None
    assert turns.only.reason == "region_unavailable"


def test_tasks_that_cant_be_read(turns):
    image_id = turns.image()
    turns.copies(image_id)
    turns.turn()
    turns.glances["R2"].fail_import(image_id)
    turns.glances["R2"].fail("tasks", unavailable(), times=None)
    turns.turn()
    assert turns.outcome == ("IN_PROGRESS", "created", "pending")
