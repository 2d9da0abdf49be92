"""A copy whose home has no such image any more is copied nowhere, and brought back nowhere."""

import pytest

from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.scene import ALL3, DEMO, OTHER, Scene

ANY = SyncSet(("*",), ALL3, ALL3)


@pytest.fixture
def scene():
    return Scene()


def orphan(scene, *, targets=("R2",), **options):
    """Make an image in R1, sync it, and delete it at home, so that its id is free again."""
    image = scene.create_in(2020, "R1", b"x", **{"name": "one", **options})
    for item in scene.plan_sets(SyncSet((image["id"],), ("R1",), targets)):
        assert scene.apply(item).reason == "created"
    scene.glances["R1"].delete(image["id"])
    scene.glances["R1"].purge()
    return image["id"]


def run(scene, one, **options):
    items = scene.plan_sets(one, **options)
    return {
        (item.resource, item.target_region): (item.outcome or scene.apply(item)).reason
        for item in items
    }


def states(scene):
    found, _ = scene.planner.findings.take()
    return {(one.region, one.kept, one.source_region) for one in found if one.kept}


@pytest.mark.parametrize("data", [None, b"x"])
def test_any_to_any_brings_nothing_back(scene, data):
    image_id = orphan(scene)
    if data:
        scene.glances["R2"].upload(image_id, data)
    before = scene.contents
    scene.plan_sets(ANY)
    found = states(scene)
    assert run(scene, ANY) == dict.fromkeys(
        ((image_id, region) for region in (ALL3 if data else ("R2",))), "orphaned"
    )
    assert found == {("R2", "orphan", "R1")}
    assert scene.contents == before


@pytest.mark.parametrize(
    "one",
    [
        SyncSet(("*",), ("R2",), ("R1", "R3")),
        SyncSet(("*",), ("R2",), ("R1", "R3"), force=True),
        SyncSet(("*",), ("R2",), ("R1", "R3"), filters={"name": "one"}),
        SyncSet(("*",), ("R2",), ("R1", "R3"), updates=True, prunes=True),
    ],
)
def test_nor_does_any_wildcard(scene, one):
    image_id = orphan(scene)
    scene.glances["R2"].upload(image_id, b"x")
    before = scene.contents
    assert set(run(scene, one).values()) == {"orphaned"}
    assert scene.contents == before


@pytest.mark.parametrize("sources", [("R2",), ("R2", "R1"), ALL3])
@pytest.mark.parametrize("force", [False, True])
def test_nor_does_a_set_that_names_it(scene, sources, force):
    image_id = orphan(scene)
    before = scene.contents
    one = SyncSet((image_id,), sources, ("R1", "R3"), force=force)
    assert set(run(scene, one).values()) == {"orphaned"}
    event = SyncSet(("*",), sources, ("R3",), lenient=True, filters={"statuses": ("queued",)})
    assert run(scene, event.limited_to([image_id], ["R3"])) == {(image_id, "R3"): "orphaned"}
    assert scene.contents == before


def test_a_rule_from_its_home_counts_it(scene):
    image_id = orphan(scene, targets=("R2", "R3"))
    one = SyncSet(("*",), ("R1",), ("R2", "R3"), updates=True)
    scene.plan_sets(one)
    assert states(scene) == {("R2", "orphan", "R1"), ("R3", "orphan", "R1")}
    assert run(scene, one) == {(image_id, "R2"): "orphaned", (image_id, "R3"): "orphaned"}


def test_it_is_told_where_it_is_the_only_target(scene):
    image_id = orphan(scene, targets=("R2", "R3"))
    scene.glances["R2"].upload(image_id, b"x")
    scene.plan_sets(SyncSet(("*",), ALL3, ("R2",)))
    assert states(scene) == {("R2", "orphan", "R1")}


def test_a_drift_between_orphans_is_left_alone(scene):
    image_id = orphan(scene, targets=("R2", "R3"))
    scene.glances["R2"].upload(image_id, b"x")
    rename = [{"op": "add", "path": "/name", "value": "other"}]
    scene.images("R3").update(image_id, rename)
    run(scene, SyncSet(("*",), ("R2",), ("R3",), updates=True))
    assert scene.glances["R3"].peek(image_id)["name"] == "other"


@pytest.mark.parametrize(
    "change",
    [
        [{"op": "add", "path": "/os_hidden", "value": True}],
        [{"op": "add", "path": "/visibility", "value": "community"}],
        [{"op": "add", "path": "/name", "value": "new"}],
    ],
)
def test_what_a_list_leaves_out_at_home_is_no_orphan(scene, change):
    image = scene.create_in(2020, "R1", b"x", name="one")
    scene.sync(image["id"])
    scene.glances["R2"].upload(image["id"], b"x")
    scene.images("R1").update(image["id"], change)
    filters = {"name": "one", "visibility": "shared"}
    for one in (
        SyncSet(("*",), ("R2",), ("R3",)),
        SyncSet(("*",), ("R1", "R2"), ("R2", "R3"), filters=filters),
        SyncSet((image["id"],), ("R2",), ("R3",)),
    ):
        assert "orphaned" not in run(scene, one).values()
    assert image["id"] in scene.contents["R3"]


def test_an_image_that_the_set_does_not_select_is_no_orphan(scene):
    image = scene.create("R1")
    scene.sync(image["id"])
    # It has no data, so the list of R1 alone leaves it out.
    scene.glances["R1"].calls.clear()
    assert run(scene, SyncSet(("*",), ("R1",), ("R2",))) == {}
    assert (image["id"],) in [detail for name, detail in scene.glances["R1"].calls]


def test_a_home_that_is_away_or_left_the_catalog_says_nothing(scene):
    image_id = orphan(scene)
    scene.glances["R2"].upload(image_id, b"x")
    one = SyncSet((image_id,), ("R2",), ("R3",))
    assert run(scene, one, without=("R1",)) == {(image_id, "R3"): "created"}
    scene.glances["R3"].clear()
    scene.glances["R1"].fail("list", unavailable(), times=None)
    assert run(scene, one) == {(image_id, "R3"): "created"}
    scene.glances["R3"].clear()
    everywhere = run(scene, ANY)
    assert everywhere[image_id, "R3"] == "created"
    assert "orphaned" not in everywhere.values()


def test_a_property_that_anybody_wrote_makes_no_orphan(scene):
    marks = {fields.SOURCE_REGION: "R1", fields.SOURCE_ID: "1" * 8}
    for region, more in (("R2", marks), ("R2", {fields.SOURCE_REGION: "R1"})):
        image = scene.create_in(2020, region, b"x", name="mine", **more)
        run(scene, ANY)
        assert all(image["id"] in ids for ids in scene.contents.values())


def test_a_member_is_told_nothing_about_others(scene):
    """A caller who would not see the original can't tell that it is gone."""
    image_id = orphan(scene, visibility="community")
    scene.glances["R2"].upload(image_id, b"x")
    one = SyncSet((image_id,), ("R2",), ("R3",))
    assert run(scene, one, caller=scene.caller(OTHER)) == {(image_id, "R3"): "not_owner"}
    admin = scene.caller("a" * 32, is_admin=True)
    assert run(scene, one, caller=admin) == {(image_id, "R3"): "orphaned"}
    assert scene.glances["R2"].peek(image_id)["owner"] == DEMO


def test_without_provenance_it_is_an_image_of_its_own(scene):
    image_id = orphan(scene)
    scene.glances["R2"].upload(image_id, b"x")
    names = (fields.SOURCE_REGION, fields.SOURCE_ID)
    scene.images("R2").update(image_id, [{"op": "remove", "path": f"/{n}"} for n in names])
    assert run(scene, ANY) == {(image_id, "R1"): "created", (image_id, "R3"): "created"}


def test_many_orphans_cost_two_calls_a_hundred(scene):
    ids = {orphan(scene) for _ in range(130)}
    scene.glances["R1"].calls.clear()
    assert set(run(scene, SyncSet(("*",), ("R1",), ("R2",))).values()) == {"orphaned"}
    asked = [d for _, d in scene.glances["R1"].calls if isinstance(d, tuple)]
    assert len(asked) == 4
    assert {one for each in asked for one in each} == ids
