"""A set hides and deletes orphans of its own projects and selection alone."""

import dataclasses

import pytest

from kingbird.sync import image as fields
from kingbird.tests.unit.sync.plan.orphan_life import HIDE, Life
from kingbird.tests.unit.sync.scene import ALL3, DEMO, OTHER


@pytest.fixture
def life():
    return Life()


def test_nothing_of_others_is_touched(life):
    theirs = life.create("R1", OTHER, owner=OTHER)["id"]
    admin = life.caller("a" * 32, is_admin=True)
    life.sync(theirs, caller=admin)
    life.glances["R1"].delete(theirs)
    assert (theirs, "R2") not in life.reasons()
    # An admin who asks for one project's images has that project's orphans alone.
    mine = life.caller(DEMO, is_admin=True)
    assert life.reasons(HIDE, caller=mine)[life.orphan, "R2"] == "orphaned"
    assert not life.glances["R2"].peek(theirs)["os_hidden"]
    every = dataclasses.replace(HIDE, all_projects=True)
    assert life.reasons(every, caller=admin)[theirs, "R2"] == "hidden"


def test_an_image_without_our_provenance_is_not_touched(life):
    life.images("R2").update(life.orphan, [{"op": "remove", "path": f"/{fields.SOURCE_REGION}"}])
    before = life.copy()
    items = life.plan_sets(HIDE)
    assert [one.target_region for one in items] == ["R3"]
    life.images("R3").update(
        life.orphan, [{"op": "add", "path": f"/{fields.SOURCE_REGION}", "value": "R2"}]
    )
    assert [life.apply(one).reason for one in items] == ["kept"]
    assert life.copy() == before
    assert not life.copy("R3")["os_hidden"]


def test_a_copy_that_has_become_anothers_is_not_touched(life):
    item = next(one for one in life.plan_sets(HIDE) if one.target_region == "R2")
    give = [{"op": "replace", "path": "/owner", "value": OTHER}]
    life.images("R2", DEMO, True).update(life.orphan, give)
    admin = life.caller(DEMO, is_admin=True)
    assert life.apply(item, admin).reason == "kept"
    assert not life.copy()["os_hidden"]


def test_named_images_are_told_of_only(life):
    one = dataclasses.replace(HIDE, resources=(life.orphan,), sources=("R2",), targets=("R3",))
    assert life.of_orphan(one) == {"R3": "orphaned"}
    assert not life.copy("R3")["os_hidden"]


@pytest.mark.parametrize("sources", [("R1",), ALL3])
def test_a_set_with_filters_acts_on_what_it_would_select(life, sources):
    image_id = life.lose(name="Ubuntu 24.04")
    one = dataclasses.replace(HIDE, sources=sources, filters={"name": "Ubuntu 24.04"})
    assert life.reasons(one) == {(image_id, "R2"): "hidden", (image_id, "R3"): "hidden"}
    # An original that does not pass the filters any more is there.
    life.restore(image_id, name="old")
    assert life.reasons(one) == {(image_id, "R2"): "revived", (image_id, "R3"): "revived"}
