"""The lists of regions come together by id, whatever their pages are."""

from hypothesis import given
from hypothesis import strategies as st

from kingbird.sync.listing.merge import MergedPage, join_pages, merge_by_id

REGIONS = ("R1", "R2", "R3")
IDS = st.sets(st.sampled_from("aBcDeFgHiJ"), max_size=8).map(
    lambda ids: sorted(ids, key=str.lower)
)


@st.composite
def lists(draw):
    """Draw the ids of each region, and its lists in pages."""
    found, streams = {}, {}
    for region in REGIONS:
        ids = draw(IDS)
        found[region] = {one.lower(): {"id": one, "region": region} for one in ids}
        visible = [one for one in found[region].values() if draw(st.booleans())]
        hidden = [one for one in found[region].values() if one not in visible]
        streams[region] = [in_pages(some, draw(st.integers(1, 4))) for some in (visible, hidden)]
    return found, streams


def in_pages(images, size):
    """Return pages of some images, of which the last one may be empty."""
    return [images[first : first + size] for first in range(0, len(images) + 1, size)]


@given(lists())
def test_every_image_comes_once_and_in_order(drawn):
    found, streams = drawn
    merged = {region: {} for region in REGIONS}
    seen = []
    for page in merge_by_id(streams):
        assert page.ids == sorted(set().union(*page.images.values()))
        assert page.ids
        assert page.images.keys() == set(REGIONS)
        seen += page.ids
        for region, images in page.images.items():
            # All that regions have of the ids is in the same page.
            assert images == {one: found[region][one] for one in page.ids if one in found[region]}
            merged[region].update(images)
    assert seen == sorted(set(seen))
    assert merged == found


@given(lists(), st.sampled_from(REGIONS))
def test_a_region_is_removed_from_a_page(drawn, region):
    for page in merge_by_id(drawn[1]):
        others = {name: dict(page.images[name]) for name in REGIONS if name != region}
        page.remove(region)
        assert page == MergedPage(sorted(set().union(*others.values())), {**others, region: {}})


def test_pages_are_read_as_they_are_needed():
    """A region far ahead of the others holds one page."""
    read = []

    def pages(region, *ids):
        for one in ids:
            read.append(one)
            yield [{"id": one}]

    merged = merge_by_id({"R1": [pages("R1", "a", "c")], "R2": [pages("R2", "b", "d")]})
    assert [next(merged).ids for _ in range(2)] == [["a"], ["b"]]
    assert read == ["a", "b", "c"]


@given(lists(), st.integers(1, 12))
def test_joined_pages_have_what_small_ones_have(drawn, size):
    found, streams = drawn
    seen = []
    known = []
    pages = list(join_pages(merge_by_id(streams), size, known.append))
    assert known == sorted(known)
    for page in pages:
        assert page.ids[-1] in known
        assert page.ids == sorted(set().union(*page.images.values()))
        for region, images in page.images.items():
            assert images == {one: found[region][one] for one in page.ids if one in found[region]}
        seen += page.ids
    assert seen == sorted(set().union(*found.values()))
    assert all(len(page.ids) >= size for page in pages[:-1])


def test_a_page_that_is_large_enough_waits_for_no_other():
    read = []

    def pages(*sizes):
        for number, size in enumerate(sizes):
            read.append(size)
            ids = [f"{number}{n}" for n in range(size)]
            yield MergedPage(ids, {"R1": {one: {"id": one} for one in ids}})

    known = []
    joined = join_pages(pages(5, 1, 2, 4, 3), 5, known.append)
    assert [(len(page.ids), len(read)) for page in joined] == [(5, 1), (7, 4), (3, 5)]
    # A list that fails is known up to the page before.
    assert known == ["04", "10", "21", "33", "42"]
