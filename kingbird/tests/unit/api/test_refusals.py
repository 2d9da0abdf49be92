"""Requests that are refused, and filters that are taken, by the whole application.

Each message names the field at fault, says what was found there and what is allowed.
"""

from typing import Any

import pytest

from kingbird.tests.api.world import IMAGE, World
from kingbird.tests.unit.api.conftest import JOBS, Call, caller, request_body

SET = request_body()["resource_set"]

FILTERS: list[tuple[object, str]] = [
    ([], "resource_set.filters is []; it must be an object of filters"),
    (
        {"colour": "blue"},
        "resource_set.filters.colour is unknown; resource_set.filters can have name, "
        "name_prefix, owner, property, size_max, size_min, status, tag, updated_since, "
        "visibility",
    ),
    (
        {"visibility": "secret"},
        'resource_set.filters.visibility is "secret"; it must be one of public, private, '
        "shared, community",
    ),
    (
        {"owner": 5},
        "resource_set.filters.owner is 5; it must be a project's id of 1 to 255 characters",
    ),
    (
        {"name": None},
        "resource_set.filters.name is null; it must be a name of at most 255 characters",
    ),
    (
        {"tag": []},
        "resource_set.filters.tag is []; it must be a tag of 1 to 255 characters, or a list "
        "of at least one and at most 128",
    ),
    (
        {"tag": ["blue", 5]},
        "resource_set.filters.tag[1] is 5; it must be a tag of 1 to 255 characters",
    ),
    (
        {"property": {}},
        "resource_set.filters.property is {}; it must be an object of at least one property's"
        " name and value, and at most 128",
    ),
    (
        {"property": "os_distro=cirros"},
        'resource_set.filters.property is "os_distro=cirros"; it must be an object of at '
        "least one property's name and value, and at most 128",
    ),
    (
        {"property": {"version": 5}},
        "resource_set.filters.property.version is 5; it must be a string of at most 1024 "
        "characters",
    ),
    (
        {"property": {"": "x"}},
        'resource_set.filters.property is ""; it must be an object whose names have 1 to 255 '
        "characters",
    ),
    (
        {"size_min": -1},
        "resource_set.filters.size_min is -1; it must be a number of bytes from 0 to "
        "9223372036854775807",
    ),
    (
        {"size_max": "5 GB"},
        'resource_set.filters.size_max is "5 GB"; it must be a number of bytes from 0 to '
        "9223372036854775807",
    ),
    (
        {"size_max": 9223372036854775808},
        "resource_set.filters.size_max is 9223372036854775808; it must be a number of bytes "
        "from 0 to 9223372036854775807",
    ),
    (
        {"size_min": 10, "size_max": 9},
        "resource_set.filters.size_min is 10; it must be no more than size_max, which is 9",
    ),
    (
        {"updated_since": "2026-11"},
        'resource_set.filters.updated_since is "2026-11"; it must be a date, or a date and time, '
        "in ISO 8601, such as 2026-11-22T23:00:00Z",
    ),
    (
        {"updated_since": "2026-02-30T00:00:00Z"},
        'resource_set.filters.updated_since is "2026-02-30T00:00:00Z"; it must be a date, '
        "or a date and time, in ISO 8601, such as 2026-11-22T23:00:00Z; the calendar has no such "
        "day",
    ),
    (
        {"updated_since": "0001-01-01T00:00:00+05:00"},
        'resource_set.filters.updated_since is "0001-01-01T00:00:00+05:00"; it must be a date,'
        " or a date and time, in ISO 8601, such as 2026-11-22T23:00:00Z; in UTC it is beyond the "
        "years 1 to 9999",
    ),
    (
        {"status": "deleted"},
        'resource_set.filters.status is "deleted"; it must be one of queued, saving, '
        "uploading, importing, active, deactivated, killed, pending_delete, or a list of at "
        "least one of them",
    ),
    (
        {"status": ["active", "gone"]},
        'resource_set.filters.status[1] is "gone"; it must be one of queued, saving, '
        "uploading, importing, active, deactivated, killed, pending_delete",
    ),
    (
        {"status": []},
        "resource_set.filters.status is []; it must be one of queued, saving, uploading, "
        "importing, active, deactivated, killed, pending_delete, or a list of at least one of"
        " them",
    ),
]

#: Whole bodies.
SETS: list[tuple[dict[str, Any], str]] = [
    (
        request_body(filters={"name": "cirros"}),
        'resource_set.filters is {"name": "cirros"}; it must be left out, as resources is not'
        ' ["*"]',
    ),
    (
        {
            "resource_set": {
                "Sync": [
                    {**SET, "resources": ["*"], "filters": {"name": "cirros"}},
                    {**SET, "resources": ["*"], "filters": {"size_min": 2, "size_max": 1}},
                ]
            }
        },
        "resource_set.Sync[1].filters.size_min is 2; it must be no more than size_max, which is 1",
    ),
    (
        request_body(resources=None),
        'resource_set.resources is missing; it must be a list of at least one image id, or ["*"]',
    ),
    (
        request_body(resources=[]),
        'resource_set.resources is []; it must be a list of at least one image id, or ["*"]',
    ),
    (
        request_body(resources=[IMAGE, "cirros"]),
        'resource_set.resources[1] is "cirros"; it must be an image id (a UUID), or "*" alone',
    ),
    (
        request_body(resources=["aaaaaaaa-000040008000-000000000001"]),
        'resource_set.resources[0] is "aaaaaaaa-000040008000-000000000001"; it must be an image '
        'id (a UUID), or "*" alone',
    ),
    (
        request_body(resources=[1]),
        'resource_set.resources[0] is 1; it must be an image id (a UUID), or "*" alone',
    ),
    (
        request_body(source=""),
        'resource_set.source is ""; it must be the name of a region, or a list of at least '
        'one such name, or "*"',
    ),
    (
        request_body(source=[]),
        "resource_set.source is []; it must be the name of a region, or a "
        'list of at least one such name, or "*"',
    ),
    (
        {"resource_set": {**SET, "source": None}},
        "resource_set.source is null; it must be the name of a region, or a list of at least "
        'one such name, or "*"',
    ),
    (
        {"resource_set": {"Sync": [SET, {**SET, "target": "RegionTwo"}]}},
        'resource_set.Sync[1].target is "RegionTwo"; it must be a list of at least one name '
        'of a region, or "*" alone',
    ),
    (
        request_body(target=[]),
        "resource_set.target is []; it must be a list of at least one name "
        'of a region, or "*" alone',
    ),
    (
        request_body(resource_type="keypair"),
        'resource_set.resource_type is "keypair"; it must be "image" or "metadef"',
    ),
    (
        request_body(force="yes"),
        'resource_set.force is "yes"; it must be true, false, "True" or "False"',
    ),
    (request_body(force=1), 'resource_set.force is 1; it must be true, false, "True" or "False"'),
    (
        request_body(overwrite=True),
        "resource_set.overwrite is unknown; resource_set can have all_projects, data, dry_run, "
        "filters, force, members, on_drift, on_orphan, orphan_limit, prune, resource_type, "
        "resources, same_name, source, target",
    ),
    (
        {"resource_set": {"force": "True", "Sync": [SET]}},
        "resource_set.force is unknown; resource_set can have Sync",
    ),
    ({"resource_set": SET, "force": True}, "force is unknown; the body can have resource_set"),
    (
        {"resource_set": {"Sync": []}},
        "resource_set.Sync is []; it must be a list of at least one set",
    ),
    (
        {"resource_set": {"Sync": [42]}},
        "resource_set.Sync[0] is 42; it must be an object with resource_type, resources, "
        "source and target",
    ),
]

TAKEN: list[dict[str, Any]] = [
    {
        "visibility": "shared",
        "owner": "A1111111-2222-3333-4444-555555555555",
        "name": "cirros",
        "name_prefix": "cir",
        "tag": ["blue", "round"],
        "property": {"os_distro": "cirros", "hw_rng_model": "virtio"},
        "size_min": 0,
        "size_max": 9223372036854775807,
        "updated_since": "2026-11-22T23:00:00Z",
        "status": ["active", "deactivated"],
    },
    {},
    {"visibility": "community"},
    {"owner": "ldap-style-project"},
    {"name": "\N{SNOWMAN} \N{BIRD}"},
    {"name": ""},
    {"tag": "blue"},
    {"status": "queued"},
    {
        "status": [
            "queued",
            "saving",
            "uploading",
            "importing",
            "active",
            "deactivated",
            "killed",
            "pending_delete",
        ]
    },
    {"property": {"os_distro": ""}},
    {"size_min": 5, "size_max": 5},
    {"name": "a\nb"},
    {"updated_since": "2026-11-22"},
    {"updated_since": "20261122T230000.123456789Z"},
    {"updated_since": "2026-11-22 23:00"},
    {"updated_since": "2026-11-22T23:00:00.5+05:30"},
]


@pytest.fixture
def shared_call(shared_world: World) -> Call:
    return caller(shared_world.application)


def refused(call: Call, body: object) -> str:
    """Return why a body is refused, which stores nothing."""
    before = call(JOBS).json
    answer = call(JOBS, "POST", body=body, headers={"Content-Type": "application/json"})
    assert answer.status_int == 400, answer.text
    assert call(JOBS).json == before
    return str(answer.json["error"]["message"])


@pytest.mark.parametrize(("filters", "sentence"), FILTERS)
def test_filters_that_are_refused(shared_call: Call, filters: object, sentence: str) -> None:
    body = {"resource_set": {**SET, "resources": ["*"], "filters": filters}}
    assert refused(shared_call, body) == sentence


@pytest.mark.parametrize(("body", "sentence"), SETS)
def test_sets_that_are_refused(shared_call: Call, body: dict[str, Any], sentence: str) -> None:
    assert refused(shared_call, body) == sentence


@pytest.mark.parametrize("filters", TAKEN)
def test_filters_that_are_taken(shared_call: Call, filters: dict[str, Any]) -> None:
    body = {"resource_set": {**SET, "resources": ["*"], "filters": filters}}
    answer = shared_call(JOBS, "POST", body=body, headers={"Content-Type": "application/json"})
    assert answer.status_int == 200, answer.text
