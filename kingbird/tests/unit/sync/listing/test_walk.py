"""Walks through a region whose images come and go meanwhile."""

import json
import random
import uuid

import pytest

from kingbird import exception
from kingbird.clients.image_lists import PAGE_BYTES
from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.listing.walk import ImageWalk, UnsortedListing
from kingbird.tests.doubles.glance import FakeGlance, refused, unavailable
from kingbird.tests.unit.sync.scene import DEMO, OTHER, Scene, submit

FORMATS = {"disk_format": "raw", "container_format": "bare", "visibility": "private"}


@pytest.fixture
def scene():
    return Scene()


def walk(scene, hidden=False, ordered=True, filters=(), is_admin=False, submit=submit):
    return ImageWalk(
        scene.images("R1", is_admin=is_admin),
        hidden=hidden,
        ordered=ordered,
        filters=filters,
        calls=RegionCalls(submit, scene.retry),
    )


def ids_of(pages):
    return [image["id"] for page in pages for image in page]


def make(scene, count, **fields):
    return sorted(scene.create(name=f"n{n}", **fields)["id"] for n in range(count))


def test_all_images_in_the_order_of_ids(scene):
    ids = make(scene, 25)
    scene.glances["R1"].page_size = 10
    assert ids_of(walk(scene)) == ids
    # 10, 10 and 5.
    assert len([call for call in scene.glances["R1"].calls if call[0] == "list"]) == 3


def test_a_full_last_page_is_followed_by_an_empty_one(scene):
    ids = make(scene, 20)
    scene.glances["R1"].page_size = 10
    assert ids_of(walk(scene)) == ids
    assert scene.glances["R1"].count()["list"] == 3


def test_hidden_images_are_a_walk_of_their_own(scene):
    shown, hidden = make(scene, 3), make(scene, 3, os_hidden=True)
    assert ids_of(walk(scene)) == shown
    assert ids_of(walk(scene, hidden=True)) == hidden


def test_the_next_page_is_asked_for_before_this_one_is_used(scene):
    make(scene, 25)
    glance = scene.glances["R1"]
    glance.page_size = 10
    seen = [glance.count()["list"] for page in walk(scene)]
    assert seen == [2, 3, 3]


def test_community_images_of_other_projects_are_seen(scene):
    theirs = scene.create(project=OTHER, visibility="community")["id"]
    assert ids_of(walk(scene, is_admin=True)) == [theirs]


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_missed_and_nothing_comes_twice(scene, seed):
    """Images come, go and turn private at random between two pages, markers among them."""
    chance = random.Random(seed)
    glance = scene.glances["R1"]
    glance.page_size = 5
    stays = set(make(scene, 40))
    passing = make(scene, 40)

    def meanwhile(query):
        marker = query.get("marker", [None])[0]
        for _ in range(chance.randrange(4)):
            if not passing:
                break
            gone = (
                marker if marker in passing and chance.random() < 0.7 else chance.choice(passing)
            )
            passing.remove(gone)
            if chance.random() < 0.5:
                glance.delete(gone)
            else:
                # It becomes another project's private image.
                change = [{"op": "replace", "path": "/owner", "value": OTHER}]
                scene.images("R1", is_admin=True).update(gone, change)
        scene.create(id=str(uuid.UUID(int=chance.getrandbits(128), version=4)), name="new")

    glance.before_page = meanwhile
    found = ids_of(walk(scene))
    assert stays <= set(found), f"seed {seed}"
    assert len(found) == len(set(found)), f"seed {seed}"
    assert found == sorted(found)


def test_when_all_of_a_page_goes_the_walk_begins_anew(scene):
    ids = make(scene, 30)
    glance = scene.glances["R1"]
    glance.page_size = 10
    left = iter([None, ids[:10]])

    def meanwhile(query):
        for image_id in next(left, None) or ():
            glance.delete(image_id)

    glance.before_page = meanwhile
    assert ids_of(walk(scene)) == ids


def test_a_region_that_refuses_is_no_lost_marker(scene):
    scene.glances["R1"].fail("list", refused(403))
    with pytest.raises(exception.ImageRequestRejected):
        list(walk(scene))


def test_a_region_that_refuses_all_but_the_first_page_is_given_up(scene):
    make(scene, 30)
    scene.glances["R1"].page_size = 10
    error = refused(403)
    scene.glances["R1"].fail(
        "list", lambda query: error if "marker" in query else None, times=None
    )
    with pytest.raises(exception.ImageRequestRejected):
        list(walk(scene))


def test_a_page_that_fails_is_tried_again(scene):
    ids = make(scene, 3)
    scene.glances["R1"].fail("list", unavailable(503), times=2)
    assert ids_of(walk(scene)) == ids


def too_large_above(limit):
    """Return a failure for pages with more images than a limit."""
    error = exception.AnswerTooLarge("Too large")
    return lambda query: error if int(query["limit"][0]) > limit else None


def large(number):
    """Return properties with a number of bytes."""
    return {f"property{n}": "x" * 60_000 for n in range(number // 60_000 + 1)}


def test_a_page_that_is_too_large_is_asked_for_in_parts(scene):
    """Three images are as large as a page may be, and each of them has a page."""
    ids = make(scene, 3, **large(PAGE_BYTES // 2))
    one = walk(scene)
    assert [[image["id"] for image in page] for page in one] == [[one] for one in ids]
    assert not one.is_truncated
    # Pages of 1000, 100, 10, then of 1, of which the last is empty.
    assert scene.glances["R1"].count()["list"] == 3 + 4


def test_an_image_may_be_larger_than_a_page(scene):
    ids = make(scene, 2, **large(PAGE_BYTES * 3 // 2))
    assert ids_of(walk(scene)) == ids


def test_pages_do_not_grow_between_large_images(scene):
    """The kept part of each page is small, and the next one would be too large all the same."""
    ids = make(scene, 5, **large(PAGE_BYTES * 3 // 2))
    assert ids_of(walk(scene)) == ids
    # Pages of 1000, 100, 10, then of 1, of which the last is empty.
    assert scene.glances["R1"].count()["list"] == 3 + 6


def test_pages_grow_again_after_a_large_image(scene):
    """Few large images don't make a long list of small pages."""
    ids = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(1200)]
    for n, image_id in enumerate(ids):
        scene.create(id=image_id, **(large(PAGE_BYTES * 3 // 2) if n == 101 else {}))
    one = walk(scene)
    pages = [[image["id"] for image in page] for page in one]
    assert [image_id for page in pages for image_id in page] == ids
    assert not one.is_truncated
    assert [len(page) for page in pages][:2] == [100, 1]
    assert len(pages[-1]) > 100


def test_a_region_whose_single_images_are_too_large_is_given_up(scene):
    make(scene, 3)
    scene.glances["R1"].fail("list", too_large_above(0), times=None)
    with pytest.raises(exception.AnswerTooLarge):
        list(walk(scene))
    assert scene.glances["R1"].count()["list"] == 4


# Lists that do not come to an end.


class Endless(FakeGlance):
    """Answers every query with the same page, or with the pages of a function."""

    def __init__(self, region, ids, next_marker):
        super().__init__(region)
        self.bodies = 0
        self._ids = ids
        self._next_marker = next_marker

    def handle(self, caller, method, url, body):
        self.bodies += 1
        assert self.bodies < 100, "the walk does not end"
        link = f"/v2/images?marker={self._next_marker(self.bodies)}"
        return json.dumps({"images": [{"id": one} for one in self._ids], "next": link}).encode()


IDS = [f"{n}0000000-0000-4000-8000-000000000001" for n in range(6)]
MARKERS = {
    "its last image": lambda page: IDS[-1],
    "its first image": lambda page: IDS[0],
    "two in turn": lambda page: IDS[page % 2],
}


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("marker", MARKERS)
def test_a_list_that_comes_again_and_again_is_an_outage(scene, ordered, marker):
    scene.glances["R1"] = Endless("R1", IDS, MARKERS[marker])
    with pytest.raises(exception.RegionUnavailable, match="R1 lists the same images again"):
        list(walk(scene, ordered=ordered))


@pytest.mark.parametrize("ordered", [True, False])
def test_a_list_that_always_has_another_page_is_an_outage(scene, monkeypatch, ordered):
    monkeypatch.setattr("kingbird.sync.listing.walk.MAX_PAGES", 20)
    scene.glances["R1"] = Endless("R1", IDS, lambda page: uuid.UUID(int=page))
    with pytest.raises(exception.RegionUnavailable, match="R1 lists the same images again"):
        list(walk(scene, ordered=ordered))


def test_a_walk_that_begins_anew_may_see_its_markers_again(scene):
    ids = make(scene, 30)
    glance = scene.glances["R1"]
    glance.page_size = 10
    markers = []

    def refuses_once(query):
        markers.append(query.get("marker", [None])[0])
        again = None in markers[1:]
        return refused(400) if ids[19] in markers and markers[-1] and not again else None

    glance.fail("list", refuses_once, times=None)
    assert ids_of(walk(scene)) == ids
    assert markers.count(None) == markers.count(ids[9]) == markers.count(ids[19]) == 2


@pytest.mark.parametrize("ending", [exception.Cancelled("No"), exception.LeaseLost("No")])
def test_a_walk_ends_with_its_job_between_two_pages(scene, ending):
    make(scene, 30)
    scene.glances["R1"].page_size = 10
    seen = []

    def check():
        if seen:
            raise ending

    scene.retry = scene.retry.with_check(check)
    pages = iter(walk(scene))
    seen.append(next(pages))
    with pytest.raises(type(ending)):
        next(pages)


def test_ids_that_do_not_ascend_are_noticed(scene):
    ids = [f"{first}0000000-0000-4000-8000-000000000001" for first in "bA"]

    class Odd(FakeGlance):
        def handle(self, caller, method, url, body):
            page = {"images": [{"id": image_id} for image_id in ids], "next": None}
            return json.dumps(page).encode()

    scene.glances["R1"] = Odd("R1")
    with pytest.raises(UnsortedListing):
        list(walk(scene))
    assert ids_of(walk(scene, ordered=False)) == ids


@pytest.mark.parametrize("strange", ["../x?y", "z" * 36, "*", "1", "\ud800"])
def test_an_image_without_a_uuid_costs_nothing_but_itself(scene, strange):
    ids = make(scene, 9)
    glance = scene.glances["R1"]
    glance.page_size = 3
    handle = glance.handle

    def with_another(caller, method, url, body):
        page = json.loads(handle(caller, method, url, body))
        if page["images"] and page["images"][0]["id"] == ids[3]:
            page["images"][1]["id"] = strange
        return json.dumps(page).encode()

    glance.handle = with_another
    walked = walk(scene)
    assert ids_of(walked) == [*ids[:4], *ids[5:]]
    assert not walked.is_truncated


def test_a_short_page_that_is_not_the_last_is_noticed(scene):
    make(scene, 30)
    glance = scene.glances["R1"]
    sizes = iter([10, 8, 10, 10])
    glance.before_page = lambda query: setattr(glance, "page_size", next(sizes))
    one = walk(scene)
    short = [one.is_truncated for _ in one]
    assert short == [False, True, True, True]


def test_filters_are_sent(scene):
    scene.create(name="one")
    two = scene.create(name="two")["id"]
    assert ids_of(walk(scene, filters=[("name", "two"), ("visibility", "shared")])) == [two]
    assert DEMO not in str(scene.glances["R1"].calls)


def test_what_was_stopped_asks_for_nothing_more(scene):
    make(scene, 30)
    scene.glances["R1"].page_size = 10
    one = walk(scene)
    pages = iter(one)
    next(pages)
    one.stop()
    assert list(pages) == []
    assert scene.glances["R1"].count()["list"] == 2
