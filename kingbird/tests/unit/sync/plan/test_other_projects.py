"""Images of other projects cost nothing, but where one has the id of a selected image."""

import pytest

from kingbird.sync.plan import missing_copies
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.plan.wildcards import (
    ALL3,
    active,
    any_to_any,
    copied,
    do,
    rows,
    wildcard,
)
from kingbird.tests.unit.sync.scene import ADMIN, DEMO, OTHER, Scene

OWN, OTHERS, PAGE = 10, 100, 5


@pytest.fixture
def scene():
    return Scene()


def crowd(scene):
    """Let every region have more public images than the member has of its own; return its own."""
    for region, glance in scene.glances.items():
        glance.page_size = PAGE
        for _ in range(OTHERS):
            scene.create(region, OTHER, visibility="public")
    return {active(scene, visibility="shared")["id"] for _ in range(OWN)}


def forget(scene):
    for glance in scene.glances.values():
        glance.calls.clear()


def in_all(value):
    return dict.fromkeys(ALL3, value)


def calls(scene):
    return {region: glance.count() for region, glance in scene.glances.items()}


def asked(scene):
    """Return the ids that were asked for, and the owners whose images were listed, by region."""
    ids, owners = {}, {}
    for region, glance in scene.glances.items():
        for name, what in glance.calls:
            assert name == "list"
            if isinstance(what, dict):
                owners.setdefault(region, set()).add(*what.get("owner", [None]))
            else:
                ids.setdefault(region, set()).update(what)
    return ids, owners


#: Pages of the member's own images: the last one is empty, as the one before was full.
WALK = OWN // PAGE + 1
FORCED = HIDDEN = NAMES = 1


def test_a_member_makes_calls_for_its_own_images(scene):
    """Each target is asked for visible and hidden images under the ids that it seems to lack."""
    own = crowd(scene)
    forget(scene)
    items = scene.plan_sets(wildcard(("R1",), ("R2", "R3")))
    assert rows(items) == {
        (image_id, "R1", target): ("create", None) for image_id in own for target in ("R2", "R3")
    }
    in_target = FORCED + 1 + HIDDEN + 2 + NAMES
    assert calls(scene) == {
        "R1": {"list": WALK + HIDDEN},
        "R2": {"list": in_target},
        "R3": {"list": in_target},
    }
    ids, owners = asked(scene)
    assert ids == {"R2": own, "R3": own}
    assert owners == in_all({DEMO})


@pytest.mark.parametrize(("gathered", "sizes"), [(500, [100, 30]), (50, [50, 50, 30]), (1, None)])
def test_ids_fill_calls_though_pages_are_small(scene, monkeypatch, gathered, sizes):
    """Pages of five images are joined, as far as memory is meant for them."""
    monkeypatch.setattr(missing_copies, "GATHERED", gathered)
    own = sorted(active(scene)["id"] for _ in range(130))
    for glance in scene.glances.values():
        glance.page_size = PAGE
    forget(scene)
    scene.plan_sets(wildcard(("R1",), ("R2", "R3")))
    for region in ("R2", "R3"):
        calls = [what for _, what in scene.glances[region].calls if not isinstance(what, dict)]
        # Visible images are asked for, and then hidden ones.
        assert sorted(map(len, calls)) == sorted(2 * (sizes or [PAGE] * (130 // PAGE)))
        assert sorted(one for ids in calls for one in ids) == sorted(2 * own)


def test_nothing_is_asked_for_by_id_if_nothing_is_missing(scene):
    crowd(scene)
    do(scene, scene.plan_sets(any_to_any()))
    forget(scene)
    assert scene.plan_sets(any_to_any()) == []
    assert calls(scene) == in_all({"list": FORCED + WALK + HIDDEN})
    ids, owners = asked(scene)
    assert ids == {}
    assert owners == in_all({DEMO})


def test_an_admin_does_so_for_its_project_and_lists_all_for_all_projects(scene):
    admin = scene.caller(ADMIN, is_admin=True)
    mine = active(scene, owner=ADMIN)["id"]
    active(scene, "R2", owner=OTHER)
    forget(scene)
    scene.plan_sets(any_to_any(), caller=admin)
    assert asked(scene) == ({"R2": {mine}, "R3": {mine}}, in_all({ADMIN}))
    forget(scene)
    scene.plan_sets(any_to_any(all_projects=True), caller=admin)
    ids, owners = asked(scene)
    assert ids == {}
    assert all(None in found for found in owners.values())


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("visibility", ["public", "community"])
@pytest.mark.parametrize("one", [wildcard(), wildcard(dry_run=True), any_to_any()])
def test_an_id_that_somebody_else_has_in_the_target_is_told(scene, one, visibility, hidden):
    image = active(scene)
    copied(scene, image, "R2", owner=OTHER, visibility=visibility, os_hidden=hidden)
    items = scene.plan_sets(one)
    assert rows(items)[image["id"], "R1", "R2"] == ("none", "owner_conflict")


def test_a_forced_wildcard_goes_round_an_id_that_somebody_else_has(scene):
    image = active(scene)
    copied(scene, image, "R2", owner=OTHER, visibility="public")
    (item,) = scene.plan_sets(wildcard(force=True))
    assert item.work.forced == 1
    assert scene.apply(item).reason == "created"
    assert scene.plan_sets(wildcard(force=True)) == []


def test_no_target_is_asked_for_images_of_others_or_forced_copies(scene):
    image = active(scene)
    active(scene, owner=OTHER, visibility="public")
    copied(scene, image, "R2", owner=OTHER, visibility="public")
    items = scene.plan_sets(any_to_any(force=True))
    do(scene, items)
    (forced,) = [item.work.record["id"] for item in items if item.work.forced]
    scene.glances["R2"].upload(forced, b"data")
    forget(scene)
    assert scene.plan_sets(any_to_any(force=True)) == []
    # The id is somebody else's in the second region.
    assert asked(scene)[0] == {"R2": {image["id"]}}


@pytest.mark.parametrize("retried", ["R2", "R3"])
def test_a_retry_asks_for_what_gets_an_item(scene, retried):
    image = active(scene)
    forget(scene)
    scene.plan_sets(wildcard(("R1",), ("R2", "R3")), retried_regions=[retried])
    assert asked(scene)[0] == {retried: {image["id"]}}


def test_what_another_set_names_is_not_asked_for(scene):
    image = active(scene)
    forget(scene)
    scene.plan_sets(wildcard(("R1",), ("R2", "R3")), known={image["id"]: ["R2"]})
    assert asked(scene)[0] == {"R3": {image["id"]}}


def test_a_target_that_does_not_tell_is_one_item(scene):
    image = active(scene)

    def away(ids):
        if not isinstance(ids, dict):
            raise unavailable()

    scene.glances["R2"].fail("list", away, times=None)
    items = scene.plan_sets(wildcard(("R1",), ("R2", "R3")))
    assert rows(items) == {
        (image["id"], "R1", "R3"): ("create", None),
        ("*", "*", "R2"): ("none", "region_unavailable"),
    }


def test_a_target_whose_list_fails_is_asked_for_nothing(scene):
    active(scene)
    forget(scene)

    def away(what):
        if isinstance(what, dict):
            raise unavailable()

    scene.glances["R2"].fail("list", away, times=None)
    scene.plan_sets(wildcard())
    assert asked(scene)[0] == {}


def test_a_set_of_all_projects_beside_one_of_a_project_has_all_listed(scene):
    admin = scene.caller(ADMIN, is_admin=True)
    theirs = active(scene, owner=OTHER)["id"]
    mine = active(scene, owner=ADMIN)["id"]
    items = scene.plan_sets(wildcard(), wildcard(all_projects=True), caller=admin)
    assert {item.resource for item in items} == {mine, theirs}


def test_sets_that_select_different_images_list_those_of_the_project(scene):
    active(scene, name="one")
    active(scene, name="two")
    forget(scene)
    sets = [wildcard(filters={"name": name}) for name in ("one", "two")]
    assert len(scene.plan_sets(*sets)) == 2
    assert asked(scene)[1] == {"R1": {DEMO}, "R2": {DEMO}}


def test_the_home_of_orphans_is_listed_completely(scene):
    """Images of all owners tell whether a home has lost everything."""
    active(scene)
    forget(scene)
    scene.plan_sets(wildcard(on_orphan="hide"))
    assert asked(scene)[1] == {"R1": {None}, "R2": {DEMO}}
