"""Members of a source and of its copy are compared, and told as far as they are few."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird import exception
from kingbird.states import MemberMode
from kingbird.sync import members
from kingbird.sync.item import WriteSpec
from kingbird.sync.members import MAX_MEMBERS, MemberChanges, changes, compare, with_members

MEMBERS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["accepted", "pending"]))
REFUSED = exception.ImageRequestRejected("No.", 403)


@given(MEMBERS, MEMBERS, st.sampled_from(MemberMode), st.booleans())
def test_what_a_copy_lacks_and_has_beside(source, copy, mode, is_ours):
    found = changes(mode, source, copy, is_ours=is_ours)
    compares = mode is not MemberMode.CREATE
    added = [[one, source[one]] for one in sorted(source.keys() - copy.keys()) if compares]
    removes = mode is MemberMode.EXACT and is_ours
    removed = sorted(copy.keys() - source.keys()) if removes else []
    assert found == MemberChanges(added, removed)
    assert bool(found) == bool(added or removed)
    assert found.note is None
    assert found.values() == {
        "source": {"members": [one for one, _ in added] or None},
        "target": {"members": removed or None},
    }


@pytest.mark.parametrize(("number", "left_out"), [(MAX_MEMBERS, 0), (MAX_MEMBERS + 3, 3)])
def test_more_members_than_glance_takes(number, left_out):
    many = {f"{n:05}": "pending" for n in range(number)}
    note = f"{left_out} of its members are not copied" if left_out else None
    found = changes(MemberMode.ADD, many, {}, is_ours=True)
    assert (len(found.added), found.left_out, found.note) == (MAX_MEMBERS, left_out, note)
    assert found.added[0] == ["00000", "pending"]
    gone = changes(MemberMode.EXACT, {}, many, is_ours=True)
    assert gone.removed == sorted(many)[:MAX_MEMBERS]
    work = with_members(WriteSpec({}, None, {}), "R1", many)
    assert (work.members, work.note) == (found.added, note)


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({}, MemberChanges()),
        ({("R1", "i"): {"a": "pending"}}, MemberChanges()),
        ({("R2", "f"): {"a": "pending"}}, MemberChanges()),
        (
            {("R1", "i"): {"a": "pending"}, ("R2", "f"): {"b": "pending"}},
            MemberChanges([["a", "pending"]], ["b"]),
        ),
        ({("R1", "i"): REFUSED}, MemberChanges(error=("R1", REFUSED))),
        ({("R1", "i"): {}, ("R2", "f"): REFUSED}, MemberChanges(error=("R2", REFUSED))),
    ],
)
def test_members_as_far_as_they_are_known(lists, expected):
    found = compare(MemberMode.EXACT, lists, ("R1", "i"), ("R2", "f"), is_ours=True)
    assert found == expected
    if expected.error:
        assert found.note == f"Its members could not be listed in {expected.error[0]}: No."
        assert not found


def test_members_that_could_not_be_listed_are_noted():
    work = WriteSpec({}, None, {}, note="Mind")
    found = with_members(work, "R1", REFUSED)
    assert found.members == []
    assert found.note == "Mind; Its members could not be listed in R1: No."
    assert with_members(work, "R1", {"b": "x", "a": "y"}).members == [["a", "y"], ["b", "x"]]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([], {}),
        (
            [{"member_id": "a", "status": "accepted"}, {"member_id": "b", "status": None}],
            {"a": "accepted", "b": "pending"},
        ),
        ([{"member_id": "a"}], {"a": "pending"}),
    ],
)
def test_members_as_glance_lists_them(listed, expected):
    assert members.from_answer(listed) == expected


@pytest.mark.parametrize(
    ("image", "is_shared"),
    [
        ({"visibility": "shared"}, True),
        ({"visibility": "private"}, False),
        ({"visibility": None}, False),
        # It is Glance's default.
        ({}, True),
    ],
)
def test_images_that_have_members(image, is_shared):
    assert members.is_shared(image) == is_shared
