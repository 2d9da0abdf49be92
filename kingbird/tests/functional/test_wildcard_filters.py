"""Each filter of a wildcard set, in a real Glance and in Kingbird.

For a region that is only a source, Glance filters the list.  For a region that is also a target,
Kingbird filters alone.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, wildcard
from kingbird.tests.functional.people import Image, Person

API = Callable[[Person], KingbirdAPI]
Filters = dict[str, Any]

#: The fields of the images by name.  All images but one have four bytes.
SHELF: dict[str, dict[str, Any]] = {
    "plain": {},
    "a: colon": {"tags": ["one"]},
    "one, two": {"tags": ["two", "one"]},
    "in:plain,other": {},
    'eq:"quoted"': {},
    " blanks  ": {},
    "": {},
    "100%_x": {},
    "100%": {},
    "Prefix": {"tags": ["x:y", "a, b", "two words", "in:one", " pad"]},
    "prefix": {"os_hidden": True},
    "public": {"visibility": "public"},
    "community": {"visibility": "community"},
    "shared": {"visibility": "shared", "protected": True},
    "distro": {"os_distro": "plan9", "own key": "in:a,b"},
    "odd": {
        "os_distro": "plan9, 4th",
        "os_version": "gt:5",
        "hw_empty": "",
        "own key": "snow \N{SNOWMAN} & ?x=y#z",
        "created_by": "x",
        "hw_video_max": "7",
    },
    "ordinary": {"os_version": "6"},
}
ALL = {*SHELF} | {"small", "large", "late"}
PRIVATE = ALL - {"public", "community", "shared"}

#: The selected names for each filter.
CASES: list[tuple[Filters, set[str]]] = [
    ({}, ALL),
    ({"visibility": "private"}, PRIVATE),
    ({"visibility": "community"}, {"community"}),
    ({"visibility": "public"}, {"public"}),
    ({"name": "a: colon"}, {"a: colon"}),
    ({"name": "one, two"}, {"one, two"}),
    ({"name": "in:plain,other"}, {"in:plain,other"}),
    ({"name": 'eq:"quoted"'}, {'eq:"quoted"'}),
    ({"name": " blanks  "}, {" blanks  "}),
    ({"name": ""}, {""}),
    ({"name": "nobody"}, set()),
    ({"name_prefix": "p"}, {"plain", "prefix", "public"}),
    ({"name_prefix": "in:"}, {"in:plain,other"}),
    ({"name_prefix": "100%_"}, {"100%_x"}),
    ({"tag": "one"}, {"a: colon", "one, two"}),
    ({"tag": ["one", "two"]}, {"one, two"}),
    ({"tag": ["x:y", "a, b", "two words"]}, {"Prefix"}),
    ({"tag": "in:one"}, {"Prefix"}),
    ({"tag": " pad"}, {"Prefix"}),
    ({"property": {"os_distro": "plan9, 4th"}}, {"odd"}),
    ({"property": {"os_version": "gt:5"}}, {"odd"}),
    ({"property": {"own key": "in:a,b", "os_distro": "plan9"}}, {"distro"}),
    ({"property": {"own key": "snow \N{SNOWMAN} & ?x=y#z"}}, {"odd"}),
    ({"property": {"hw_empty": ""}}, {"odd"}),
    ({"property": {"hw_video_max": "7", "created_by": "x"}}, {"odd"}),
    ({"property": {"os_distro": "plan9", "os_version": "6"}}, set()),
    ({"size_min": 5}, {"large"}),
    ({"size_max": 3}, {"small"}),
    ({"size_min": 4, "size_max": 4, "tag": "two"}, {"one, two"}),
    ({"status": "queued"}, {"queued"}),
    ({"status": ["queued", "deactivated"]}, {"queued", "inactive"}),
    ({"status": ["active", "queued"], "name_prefix": "qu"}, {"queued"}),
]


@pytest.fixture(scope="module")
def keeper(person: Callable[..., Person]) -> Person:
    """Return a member of the project that owns the images."""
    return person("admin").with_new_project("other")


@pytest.fixture(scope="module")
def shelf(keeper: Person, person: Callable[..., Person]) -> dict[str, Image]:
    """Create the images in RegionOne and return them by name."""
    admin = person("admin")

    def make(name: str, data: bytes | None = b"four", **fields: Any) -> Image:
        fields = {"visibility": "private", "owner": keeper.project_id, **fields}
        return admin.make("RegionOne", data, name=name, **fields)

    made = {name: make(name, **fields) for name, fields in SHELF.items()}
    made |= {"small": make("small", b"3rd"), "large": make("large", b"large")}
    made |= {"queued": make("queued", None), "inactive": make("inactive")}
    admin.deactivate("RegionOne", made["inactive"]["id"])
    # Glance shows whole seconds.
    time.sleep(1.1)
    return {**made, "late": make("late")}


def selected(
    api: KingbirdAPI, shelf: dict[str, Image], jobs: list[dict[str, Any]]
) -> list[set[str]]:
    """Run dry jobs at the same time, and return the selected names of each."""
    names = {image["id"]: name for name, image in shelf.items()}
    ids = [api.accepted({**each, "dry_run": True}) for each in jobs]
    ended = [api.wait(job_id) for job_id in ids]
    assert {job.status for job in ended} == {SUCCESS}
    return [{names.get(item["resource"], "?") for item in job.items} for job in ended]


def wrong(
    cases: list[tuple[Filters, set[str]]], found: list[set[str]]
) -> list[tuple[Filters, set[str], set[str]]]:
    """Return the wrong cases, each with superfluous and missing names."""
    return [
        (filters, names - wanted, wanted - names)
        for (filters, wanted), names in zip(cases, found, strict=True)
        if names != wanted
    ]


def test_filters_of_a_source(keeper: Person, shelf: dict[str, Image], api: API) -> None:
    jobs = [
        wildcard(source="RegionOne", target=["RegionTwo"], filters=filters) for filters, _ in CASES
    ]
    assert not wrong(CASES, selected(api(keeper), shelf, jobs))


def test_filters_of_regions_that_are_targets_too(
    keeper: Person, shelf: dict[str, Image], api: API
) -> None:
    cases = [case for case in CASES if len(case[0]) != 1 or "name" not in case[0]][::3]
    jobs = [wildcard(filters=filters) for filters, _ in cases]
    assert not wrong(cases, selected(api(keeper), shelf, jobs))


def test_updated_since(keeper: Person, shelf: dict[str, Image], api: API) -> None:
    last = shelf["late"]["updated_at"]
    day = last[:10]
    cases: list[tuple[Filters, set[str]]] = [
        # The bound is inclusive in each notation.
        ({"updated_since": last}, {"late"}),
        ({"updated_since": last.replace("Z", ".000000+00:00")}, {"late"}),
        ({"updated_since": shelf["plain"]["created_at"]}, ALL),
        ({"updated_since": f"{int(day[:4]) + 1}{day[4:8]}01T00:00:00Z"}, set()),
    ]
    wanted = [{"source": "RegionOne", "target": ["RegionTwo"]}, {}]
    for regions in wanted:
        jobs = [wildcard(filters=filters, **regions) for filters, _ in cases]
        assert not wrong(cases, selected(api(keeper), shelf, jobs))


def test_owner(
    keeper: Person, demo: Person, admin: Person, shelf: dict[str, Image], api: API
) -> None:
    own = {"owner": keeper.project_id}
    for regions in ({"source": "RegionOne", "target": ["RegionTwo"]}, {}):
        everybody = wildcard(filters=own, all_projects=True, **regions)
        (found,) = selected(api(admin), shelf, [everybody])
        assert found == ALL
        # Without all_projects only the caller's own project is selected.
        others = wildcard(filters={"owner": demo.project_id}, **regions)
        assert selected(api(keeper), shelf, [wildcard(filters=own, **regions), others]) == [
            ALL,
            set(),
        ]


def test_sets_with_filters_of_their_own(keeper: Person, shelf: dict[str, Image], api: API) -> None:
    """The first set that selects an image in a region applies."""
    names = {image["id"]: name for name, image in shelf.items()}
    one = {"source": "RegionOne", "dry_run": True}
    job = api(keeper).run(
        wildcard(target=["RegionTwo"], filters={"tag": "one"}, **one),
        wildcard(target=["RegionThree"], filters={"size_min": 5}, **one),
        wildcard(target=["RegionTwo", "RegionThree"], filters={"tag": "two"}, **one),
    )
    found = {(names[resource], region) for resource, region in job.reasons}
    assert found == {
        ("a: colon", "RegionTwo"),
        ("one, two", "RegionTwo"),
        ("large", "RegionThree"),
        ("one, two", "RegionThree"),
    }
