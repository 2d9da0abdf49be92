"""Plan forced wildcard sets: copies under other ids."""

import pytest

from kingbird.sync import image as fields
from kingbird.tests.unit.sync.plan.wildcards import active, copied, do, unusable_in, wildcard
from kingbird.tests.unit.sync.scene import OTHER, Scene


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def short_pages(scene, monkeypatch):
    """Return a function that lets a walk come to its images one by one."""

    def shorten():
        for module in ("wildcard", "wildcard_deferred"):
            monkeypatch.setattr(f"kingbird.sync.plan.{module}.BATCH", 1)
        for glance in scene.glances.values():
            glance.page_size = 1

    return shorten


def test_forced_regions_get_new_ids_only_where_the_own_one_is_no_use(scene):
    fine, gone, theirs = active(scene), unusable_in(scene), active(scene)
    copied(scene, theirs, owner=OTHER, visibility="community")
    forced = wildcard(force=True)
    items = scene.plan_sets(forced)
    outcomes = {i.resource: (i.outcome or scene.apply(i)).target_resource for i in items}
    assert outcomes == {
        fine["id"]: fine["id"],
        gone["id"]: fields.forced_id(gone["id"], "R2", 1),
        theirs["id"]: fields.forced_id(theirs["id"], "R2", 1),
    }
    scene.unusable = {"R2": {gone["id"]: "deleted_in_target"}}
    before = scene.glances["R2"].count()
    for again in (forced, wildcard()):
        assert scene.plan_sets(again) == [], "the forced copies count as copies"
    assert (scene.planner.no_data, scene.planner.in_sync) == ({"R2": 3}, {})
    assert scene.glances["R2"].count()["create"] == before["create"]


def test_a_forced_run_asks_for_unusable_ids_again(scene):
    gone = unusable_in(scene)
    scene.unusable = {"R2": {gone["id"]: "deleted_in_target"}}
    scene.glances["R2"].purge()
    (item,) = scene.plan_sets(wildcard(force=True))
    assert scene.apply(item).target_resource == gone["id"]


@pytest.mark.parametrize("force", [True, False])
def test_a_hidden_forced_copy_is_found_wherever_its_id_comes(scene, short_pages, force):
    images = [unusable_in(scene, os_hidden=True, name=f"{n}") for n in range(6)]
    do(scene, scene.plan_sets(wildcard(force=True)))
    short_pages()
    scene.unusable = {"R2": {image["id"]: "deleted_in_target" for image in images}}
    assert scene.plan_sets(wildcard(force=force)) == []
    assert (scene.planner.no_data, scene.planner.in_sync) == ({"R2": 6}, {})


def test_forced_copies_are_no_sources(scene):
    gone = unusable_in(scene)
    do(scene, scene.plan_sets(wildcard(force=True)))
    copy = fields.forced_id(gone["id"], "R2", 1)
    scene.glances["R2"].upload(copy, b"data")
    items = scene.plan_sets(wildcard(("R1", "R2"), ("R3",)))
    assert [item.resource for item in items] == [gone["id"]]


def test_a_forced_copy_that_drifted_is_updated(scene):
    unusable_in(scene, min_disk=1)
    (created,) = do(scene, scene.plan_sets(wildcard(force=True)))
    copy = created.target_resource
    change = [{"op": "replace", "path": "/min_disk", "value": 7}]
    scene.images("R2").update(copy, change)
    (item,) = scene.plan_sets(wildcard(updates=True))
    assert (item.action, item.target_resource) == ("update", copy)
    assert scene.apply(item).reason == "updated"
    assert scene.glances["R2"].peek(copy)["min_disk"] == 1
    assert scene.glances["R2"].peek(copy)["kingbird_forced"] == "true"


def test_a_forced_copy_that_was_hidden_is_found_though_an_earlier_id_is_free(scene, short_pages):
    for n in range(6):
        image = unusable_in(scene, name=f"{n}")
        taken = fields.forced_id(image["id"], "R2", 1)
        scene.images("R2").create({"id": taken, "visibility": "private"})
        scene.glances["R2"].delete(taken)
    do(scene, scene.plan_sets(wildcard(force=True)))
    scene.glances["R2"].purge()
    hide = [{"op": "replace", "path": "/os_hidden", "value": True}]
    before = scene.glances["R2"].ids
    for copy in before:
        scene.images("R2").update(copy, hide)
    short_pages()
    for _ in range(2):
        outcomes = do(scene, scene.plan_sets(wildcard(force=True)))
        assert {one.reason for one in outcomes} == {"drift"}
    assert scene.glances["R2"].ids == before
