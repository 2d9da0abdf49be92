"""Lists leave out only what no set needs of a region."""

import pytest

from kingbird.sync.plan.list_filters import filters_of
from kingbird.sync.request import Requester, SyncSet, WildcardScope

ME, OTHER = "a" * 32, "b" * 32
ACTIVE = ("status", "in:active,deactivated")
MINE, THEIRS = ("owner", ME), ("owner", OTHER)


def scope(sources=("R1",), targets=("R2",), *, is_admin=False, **options):
    return WildcardScope(SyncSet(("*",), sources, targets, **options), Requester(ME, is_admin))


def all_of(**options):
    return scope(is_admin=True, all_projects=True, **options)


@pytest.mark.parametrize(
    ("scopes", "by_region", "narrowed", "owners"),
    [
        ([], {}, set(), {}),
        # A target shows which ids the project has there already.
        ([scope()], {"R1": [MINE, ACTIVE], "R2": [MINE]}, {"R1"}, {"R1": ME, "R2": ME}),
        (
            [scope(filters={"name": "n"})],
            {"R1": [MINE, ("name", "n"), ACTIVE], "R2": [MINE]},
            {"R1"},
            {"R1": ME, "R2": ME},
        ),
        # A region that is both is a target.
        (
            [scope(("R1", "R2"), ("R2",))],
            {"R1": [MINE, ACTIVE], "R2": [MINE]},
            {"R1"},
            {"R1": ME, "R2": ME},
        ),
        ([all_of()], {"R1": [ACTIVE]}, {"R1"}, {}),
        (
            [all_of(filters={"owner": OTHER})],
            {"R1": [THEIRS, ACTIVE]},
            {"R1"},
            {},
        ),
        # Of several sources, the owner of an id is the one of the oldest copy.
        ([all_of(sources=("R1", "R3"))], {}, set(), {}),
        # Orphans: an image that the home has no more, and whether the home can be believed.
        ([scope(on_orphan="hide")], {"R2": [MINE]}, set(), {"R2": ME}),
        ([scope(on_orphan="report")], {"R1": [MINE, ACTIVE], "R2": [MINE]}, {"R1"}, None),
        (
            [scope(("R1", "R2"), ("R2", "R3"), on_orphan="delete")],
            {"R3": [MINE]},
            set(),
            {"R3": ME},
        ),
        # Several sets need what each of them needs.
        (
            [scope(), scope(("R1",), ("R3",))],
            {"R1": [MINE, ACTIVE], "R2": [MINE], "R3": [MINE]},
            {"R1"},
            None,
        ),
        (
            [scope(filters={"name": "n"}), scope(("R1",), ("R3",))],
            {"R1": [MINE], "R2": [MINE], "R3": [MINE]},
            set(),
            None,
        ),
        ([scope(is_admin=True), all_of(sources=("R3",))], None, {"R1", "R3"}, {"R1": ME}),
        ([scope(), scope(("R3",), ("R1",))], None, {"R3"}, {"R1": ME, "R2": ME, "R3": ME}),
    ],
)
def test_what_lists_may_leave_out(scopes, by_region, narrowed, owners):
    found = filters_of(scopes)
    if by_region is not None:
        assert {name: list(query) for name, query in found.by_region.items()} == by_region
    assert found.narrowed == narrowed
    if owners is not None:
        assert found.owners == owners


@pytest.mark.parametrize("project", ["a:b", "a\nb", "in:x"])
def test_a_project_that_glance_would_misunderstand_is_not_asked_for(project):
    one = WildcardScope(SyncSet(("*",), ("R1",), ("R2",)), Requester(project))
    found = filters_of([one])
    assert (found.owners, found.by_region) == ({}, {"R1": [ACTIVE]})
