"""One region that answers oddly costs no other region anything, whatever its part in a job."""

import functools
import json
from dataclasses import replace

import pytest

from kingbird.states import ItemState
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.oddities import HOLES, PROBLEMS, absent, mended
from kingbird.tests.unit.sync.runs import first_run, second_run
from kingbird.tests.unit.sync.scene import ALL3, Scene

#: Sources and targets of a set in which R2 is odd.
ROLES = {
    "target": (("R1",), ("R2", "R3")),
    "source": (("R1", "R2"), ("R3",)),
    "both": (ALL3, ALL3),
}
LAST = "ffffffff-ffff-4fff-bfff-ffffffffffff"
#: Images of R2, enough for a list with holes.
ODD = [f"{n}{LAST[1:]}" for n in range(2)]
#: The outcomes of an image that is missing, and of one that is there, by dry run.
MISSING = {False: ("SUCCESS", "created"), True: ("PLANNED", "missing")}
IN_SYNC = {False: ("SUCCESS", "in_sync"), True: ("PLANNED", "in_sync")}


@pytest.fixture
def scene():
    return regions()


def regions():
    """Return three regions: an image in R1, the last one by its id, and some others in R2."""
    made = Scene(retry_timeout=0.1)
    for region, ids in (("R1", [LAST]), ("R2", ODD)):
        for image_id in ids:
            made.create(region, id=image_id, name=region, visibility="private")
            made.glances[region].upload(image_id, image_id.encode())
    return made


def make_sets(role, wildcard, number, dry_run):
    """Return one set for the image of R1, or a second one for those of R2 too."""
    sources, targets = ROLES[role]
    if wildcard:
        filters = [{}] if number == 1 else [{"name": "R1"}, {}]
        sets = [SyncSet(("*",), sources, targets, filters=each) for each in filters]
    else:
        # R1 has none of the others, so they are no work for a set whose only source it is.
        ids = [(LAST,), (LAST,) if role == "target" else tuple(ODD)]
        sets = [SyncSet(each, sources, targets) for each in ids[:number]]
    return [replace(each, dry_run=dry_run) for each in sets]


@functools.cache
def untroubled(role, wildcard, number, dry_run):
    """Return a run while no region is odd, and the images that there are afterwards."""
    scene = regions()
    return first_run(scene, make_sets(role, wildcard, number, dry_run)), scene.contents


def check_odd(run, role, wildcard, problem, dry_run):
    """Check what is said while R2 is odd: the others are not affected."""
    _, targets = ROLES[role]
    end = (ItemState.FAILURE, PROBLEMS[problem][1])
    expected = {(LAST, "R3"): MISSING[dry_run]}
    if wildcard:
        expected["*", "R2"] = end
    else:
        expected |= {(LAST, "R2"): end} if "R2" in targets else {}
        expected |= {(LAST, "R1"): IN_SYNC[dry_run]} if "R1" in targets else {}
    reasons = run.reasons
    odd = {pair: reasons.pop(pair) for pair in list(reasons) if pair[0] in ODD}
    assert reasons == expected
    if wildcard:
        # A list with holes shows some images, which are brought to the others.
        assert not odd or (end[1] == HOLES and role != "target")
        assert "R2" not in {target for _, target in odd}
    else:
        assert set(odd.values()) <= {end}


@pytest.mark.parametrize("dry_run", [False, True], ids=["real", "dry"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("wildcard", [True, False], ids=["wildcard", "by id"])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("role", ROLES)
def test_an_odd_region(role, problem, wildcard, number, dry_run):
    """Run a job while a region is odd, retry it too early, and retry it in time."""
    sets = make_sets(role, wildcard, number, dry_run)
    in_order, contents = untroubled(role, wildcard, number, dry_run)

    scene = regions()
    breaks, reason = PROBLEMS[problem]
    breaks(scene.glances["R2"])
    without = ("R2",) if breaks is absent else ()
    run = first_run(scene, sets, without)
    # An image that is asked for by its id is in no hole.
    if reason != HOLES or wildcard:
        check_odd(run, role, wildcard, problem, dry_run)
        run = second_run(scene, sets, run, without)
        check_odd(run, role, wildcard, problem, dry_run)
        mended(scene.glances["R2"])
        run = second_run(scene, sets, run)

    assert run.reasons == in_order.reasons
    assert run.in_sync == in_order.in_sync
    assert scene.contents == contents


def test_an_image_that_only_an_odd_region_may_have(scene):
    PROBLEMS["HTML"][0](scene.glances["R2"])
    run = first_run(scene, [SyncSet((ODD[0],), ("R2",), ("R3",))])
    assert run.reasons == {(ODD[0], "R3"): ("FAILURE", "region_unavailable")}


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"<p>", b'{"members": ["a"]}'])
def test_members_that_are_none_are_said_to_be_unknown(scene, answer):
    shared = scene.create("R1", visibility="shared")["id"]
    scene.glances["R1"].upload(shared, b"data")
    handle = scene.glances["R1"].handle
    scene.glances["R1"].handle = lambda caller, method, url, body: (
        answer if url.endswith("/members") else handle(caller, method, url, body)
    )
    (item,) = scene.plan_sets(SyncSet((shared,), ("R1",), ("R3",)))
    assert "could not be listed in R1" in scene.apply(item).message


def test_a_record_that_is_none_ends_its_item_only(scene):
    """A lost answer makes a look necessary, which the region answers oddly."""
    (item,) = scene.plan_sets(SyncSet((LAST,), ("R1",), ("R3",)))
    scene.glances["R3"].handle = lambda caller, method, url, body: (
        b"<p>Maintenance</p>" if method == "POST" else b"{}"
    )
    assert scene.apply(item).reason == "region_unavailable"


@pytest.mark.parametrize("unsorted", [False, True])
def test_half_a_surrogate_pair_is_put_off_like_other_text(scene, unsorted):
    """An AMI waits on disk for its kernel, and an unsorted region is sorted as JSON."""
    images = [scene.glances["R1"].peek(LAST)]
    images[0].update(name="\ud800", kernel_id=LAST.replace("f", "e"))
    body = json.dumps({"images": images}).encode()
    scene.glances["R1"].handle = lambda caller, method, url, _: (
        b'{"images": []}' if "os_hidden" in url else body
    )
    rest = PlanCursor({"R1": ""}, ("R1",)) if unsorted else None
    (kernel, ami) = scene.plan_sets(SyncSet(("*",), ("R1",), ("R3",)), cursor=rest)
    assert kernel.outcome.reason == "source_gone"
    assert (ami.resource, ami.outcome.reason) == (LAST, "dependency_failed")
