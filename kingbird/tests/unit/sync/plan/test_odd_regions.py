"""One region that answers oddly costs no other region anything, whatever its part in a job."""

import json

import pytest

from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.oddities import HOLES, PROBLEMS, absent
from kingbird.tests.unit.sync.scene import Scene

#: Sources and targets of a set in which R2 is odd.
ROLES = {
    "target": (("R1",), ("R2", "R3")),
    "source": (("R1", "R2"), ("R3",)),
    "both": (("R1", "R2", "R3"), ("R1", "R2", "R3")),
}
LAST = "ffffffff-ffff-4fff-bfff-ffffffffffff"


@pytest.fixture
def scene():
    """Give three regions: an image in R1, the last one by its id, and some others in R2."""
    made = Scene(retry_timeout=0.1)
    for region, ids in (("R1", [LAST]), ("R2", [f"{n}" + LAST[1:] for n in range(4)])):
        for image_id in ids:
            made.create(region, id=image_id, name=image_id, visibility="private")
            made.glances[region].upload(image_id, b"data")
    return made


def planned(scene, problem, *sets):
    """Plan with R2 broken; return what is said of each image and region."""
    breaks, _ = PROBLEMS[problem]
    breaks(scene.glances["R2"])
    items = scene.plan_sets(*sets, without=("R2",) if breaks is absent else ())
    found = {
        (item.resource, item.target_region): (
            item.outcome and item.outcome.status,
            item.outcome and item.outcome.reason,
        )
        for item in items
    }
    assert len(found) == len(items)
    return found


@pytest.mark.parametrize("sets", [1, 2])
@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("role", ROLES)
def test_wildcard_sets(scene, role, problem, dry_run, sets):
    sources, targets = ROLES[role]
    found = planned(scene, problem, *(SyncSet(("*",), sources, targets, dry_run=dry_run),) * sets)
    assert found.pop(("*", "R2")) == ("FAILURE", PROBLEMS[problem][1])
    assert found.pop((LAST, "R3")) == (("PLANNED", "missing") if dry_run else (None, None))
    # Images that a list with holes shows of R2 are copied; no other item exists.
    assert "R2" not in {target for _, target in found}
    assert not found or (PROBLEMS[problem][1] == HOLES and role != "target")


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("problem", [name for name in PROBLEMS if PROBLEMS[name][1] != HOLES])
@pytest.mark.parametrize("role", ROLES)
def test_named_images(scene, role, problem, dry_run):
    sources, targets = ROLES[role]
    found = planned(scene, problem, SyncSet((LAST,), sources, targets, dry_run=dry_run))
    expected = {(LAST, "R3"): ("PLANNED", "missing") if dry_run else (None, None)}
    if "R2" in targets:
        expected[LAST, "R2"] = ("FAILURE", PROBLEMS[problem][1])
    if "R1" in targets:
        expected[LAST, "R1"] = ("PLANNED" if dry_run else "SUCCESS", "in_sync")
    assert found == expected


def test_an_image_that_only_an_odd_region_may_have(scene):
    found = planned(scene, "HTML", SyncSet(("0" + LAST[1:],), ("R2",), ("R3",)))
    assert found == {("0" + LAST[1:], "R3"): ("FAILURE", "region_unavailable")}


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"<p>", b'{"members": ["a"]}'])
def test_members_that_are_none_are_said_to_be_unknown(scene, answer):
    shared = scene.create("R1", visibility="shared")["id"]
    scene.glances["R1"].upload(shared, b"data")
    handle = scene.glances["R1"].handle
    scene.glances["R1"].handle = lambda caller, method, url, body: (
        answer if url.endswith("/members") else handle(caller, method, url, body)
    )
    items = scene.plan_sets(SyncSet((shared,), ("R1",), ("R3",)))
    assert ["could not be listed" in item.work.note for item in items] == [True]


def test_a_record_that_is_none_ends_its_item_only(scene):
    """A lost answer makes a look necessary, which the region answers oddly."""
    (item,) = scene.plan_sets(SyncSet((LAST,), ("R1",), ("R3",)))
    scene.glances["R3"].handle = lambda caller, method, url, body: (
        b"<p>Maintenance</p>" if method == "POST" else b"{}"
    )
    assert scene.apply(item).reason == "region_unavailable"


@pytest.mark.parametrize("in_memory", [False, True])
def test_half_a_surrogate_pair_is_put_off_like_other_text(scene, in_memory):
    """An AMI waits on disk for its kernel, and an unsorted region is sorted as JSON."""
    images = [scene.glances["R1"].peek(LAST)]
    images[0].update(name="\ud800", kernel_id=LAST.replace("f", "e"))
    body = json.dumps({"images": images}).encode()
    scene.glances["R1"].handle = lambda caller, method, url, _: (
        b'{"images": []}' if "os_hidden" in url else body
    )
    rest = PlanCursor({"R1": ""}, ("R1",)) if in_memory else None
    (kernel, ami) = scene.plan_sets(SyncSet(("*",), ("R1",), ("R3",)), cursor=rest)
    assert kernel.outcome.reason == "source_gone"
    assert (ami.resource, ami.outcome.reason) == (LAST, "dependency_failed")
