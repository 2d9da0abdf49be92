"""Images that are planned after a walk are kept on disk as they were."""

import os

from hypothesis import given
from hypothesis import strategies as st

from kingbird.sync.plan import spool
from kingbird.sync.plan.spool import Deferred, DeferredSpool

TEXT = st.text(max_size=5)
IMAGE = st.fixed_dictionaries(
    {"id": TEXT}, optional={"name": st.none() | TEXT, "size": st.none() | st.integers(0, 9)}
)
DEFERRED = st.builds(
    Deferred,
    st.integers(0, 3),
    TEXT,
    IMAGE,
    TEXT,
    st.none() | IMAGE,
    needs_item=st.booleans(),
    several_sets=st.booleans(),
    doubtful=st.lists(TEXT, max_size=2),
)


@given(st.lists(DEFERRED, max_size=5))
def test_what_was_put_comes_back_in_its_order(some):
    with DeferredSpool() as kept:
        assert list(kept) == []
        for one in some:
            kept.put(one)
        assert list(kept) == list(kept) == some
        assert kept.ids == {one.source["id"].lower() for one in some}
    assert kept._file.closed


def test_an_image_that_is_deferred_gets_an_item_of_one_set():
    one = Deferred(0, "R1", {"id": "A"}, "R2", None)
    assert (one.needs_item, one.several_sets, one.doubtful) == (True, False, ())


def test_many_images_take_a_file():
    with DeferredSpool() as kept:
        kept.put(Deferred(0, "R1", {"id": "a", "p": "x" * (spool.IN_MEMORY // 2)}, "R2", None))
        assert not kept._file._rolled
        kept.put(Deferred(0, "R1", {"id": "b", "p": "x" * (spool.IN_MEMORY // 2)}, "R2", None))
        assert kept._file._rolled
        assert os.fstat(kept._file.fileno()).st_nlink == 0, "nobody has to delete it"
        assert [one.source["id"] for one in kept] == ["a", "b"]
