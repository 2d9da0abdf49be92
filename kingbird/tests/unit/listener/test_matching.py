"""Which rules have to look at an image that a message is about."""

from typing import Any

import pytest

from kingbird.listener.events import UPDATE, Drop, Event, read
from kingbird.listener.matching import RuleSet
from kingbird.sync.image import forced_id
from kingbird.tests.unit.listener.messages import OTHER, OWNER, payload, rule

IMAGE = "11111111-2222-4333-8444-aaaaaaaaaaaa"
COPY = {"kingbird_source_region": "R1", "kingbird_source_id": IMAGE}
FORCED = {**COPY, "kingbird_forced": "true"}


def event(region: str = "R1", event_type: str = UPDATE, **fields: Any) -> Event:
    found = read(region, event_type, payload(fields.pop("id", IMAGE), **fields))
    assert isinstance(found, Event)
    return found


def match(about: Event, **options: Any) -> Any:
    found = RuleSet([rule(7, **options)]).match(about)
    return found if isinstance(found, Drop) else set(found)


HEARD = {7}


@pytest.mark.parametrize(
    ("fields", "options", "expected"),
    [
        # The state.
        ({}, {}, HEARD),
        ({"status": "queued"}, {}, Drop.STATUS),
        ({"status": "saving"}, {}, Drop.STATUS),
        ({"status": "importing"}, {}, Drop.STATUS),
        # Its copies follow.
        ({"status": "deactivated"}, {}, HEARD),
        ({"status": "deactivated"}, {"filters": {"statuses": ["queued"]}}, Drop.STATUS),
        ({"status": "deactivated"}, {"filters": {"statuses": ["deactivated"]}}, HEARD),
        ({}, {"filters": {"statuses": ["deactivated"]}}, Drop.STATUS),
        ({"status": None}, {}, Drop.STATUS),
        # The region.
        ({"region": "R2"}, {}, Drop.SOURCE),
        ({"region": "R2"}, {"sources": ("*",)}, HEARD),
        ({"region": "R2"}, {"sources": ("R1", "R2")}, HEARD),
        # The owner.
        ({"owner": OTHER}, {}, Drop.OWNER),
        ({"owner": None}, {}, Drop.OWNER),
        ({"owner": OTHER}, {"is_admin": True}, Drop.OWNER),
        ({"owner": OTHER}, {"is_admin": True, "all_projects": True}, HEARD),
        ({"owner": None}, {"is_admin": True, "all_projects": True}, HEARD),
        ({"owner": OTHER}, {"all_projects": True}, Drop.OWNER),
        (
            {"owner": OTHER},
            {"is_admin": True, "all_projects": True, "filters": {"owner": OWNER}},
            Drop.OWNER,
        ),
        (
            {"owner": OTHER},
            {"is_admin": True, "all_projects": True, "filters": {"owner": OTHER}},
            HEARD,
        ),
        # Images by id.
        ({}, {"resources": (IMAGE,)}, HEARD),
        ({"id": IMAGE.upper()}, {"resources": (IMAGE,)}, HEARD),
        ({"status": "deactivated"}, {"resources": (IMAGE,)}, HEARD),
        ({"status": "queued"}, {"resources": (IMAGE,)}, Drop.STATUS),
        ({"owner": OTHER}, {"resources": (IMAGE,)}, Drop.OWNER),
        ({"owner": OTHER}, {"resources": (IMAGE,), "is_admin": True}, HEARD),
        ({"id": IMAGE.replace("1", "2")}, {"resources": (IMAGE,)}, Drop.SOURCE),
        ({"region": "R2"}, {"resources": (IMAGE,)}, Drop.SOURCE),
        # Filters.
        ({"name": "x"}, {"filters": {"name": "cirros"}}, Drop.FILTERS),
        ({"name": "golden-1"}, {"filters": {"name_prefix": "golden-"}}, HEARD),
        ({"name": None}, {"filters": {"name_prefix": "golden-"}}, Drop.FILTERS),
        ({"tags": ["a", "b"]}, {"filters": {"tags": ["a"]}}, HEARD),
        ({"tags": ["b"]}, {"filters": {"tags": ["a"]}}, Drop.FILTERS),
        ({"properties": {"x": "y"}}, {"filters": {"properties": {"x": "y"}}}, HEARD),
        ({"properties": {"x": "z"}}, {"filters": {"properties": {"x": "y"}}}, Drop.FILTERS),
        ({"visibility": "public"}, {"filters": {"visibility": "public"}}, HEARD),
        ({"visibility": "shared"}, {"filters": {"visibility": "public"}}, Drop.FILTERS),
        ({"size": 5}, {"filters": {"size_min": 5, "size_max": 5}}, HEARD),
        ({"size": 4}, {"filters": {"size_min": 5}}, Drop.FILTERS),
        ({"size": None}, {"filters": {"size_max": 5}}, Drop.FILTERS),
        (
            {"updated_at": "2026-01-02T03:04:06Z"},
            {"filters": {"updated_since": "2026-01-02T03:04:07Z"}},
            Drop.FILTERS,
        ),
        # The message does not tell these.
        ({}, {"filters": {"properties": {"os_hidden": "true"}}}, HEARD),
        ({}, {"filters": {"properties": {"os_hash_algo": "sha512"}}}, HEARD),
        ({}, {"filters": {"properties": {"stores": "a", "x": "y"}}}, Drop.FILTERS),
        # Copies, of which R1 is the home.
        ({"region": "R2", "properties": COPY}, {"sources": ("*",)}, Drop.COPY),
        ({"region": "R2", "properties": COPY}, {"sources": ("R1", "R2")}, Drop.COPY),
        (
            {"region": "R2", "properties": COPY},
            {"sources": ("R2",), "targets": ("R1",)},
            Drop.COPY,
        ),
        ({"region": "R2", "properties": COPY}, {"sources": ("R2",), "targets": ("R3",)}, HEARD),
        ({"region": "R2", "properties": COPY}, {"sources": ("R2",)}, HEARD),
        ({"region": "R1", "properties": COPY}, {"sources": ("*",)}, HEARD),
        (
            {"region": "R2", "properties": FORCED, "id": forced_id(IMAGE, "R2", 1)},
            {"sources": ("*",)},
            Drop.COPY,
        ),
        # A snapshot inherits the properties of its image.
        (
            {"region": "R2", "properties": COPY, "id": IMAGE.replace("1", "2")},
            {"sources": ("*",)},
            HEARD,
        ),
        ({"region": "R2", "properties": {**COPY, "kingbird_source_region": 1}}, {}, Drop.SOURCE),
    ],
)
def test_a_rule(fields: dict[str, Any], options: dict[str, Any], expected: object) -> None:
    assert match(event(**fields), **options) == expected


def test_each_rule_that_is_about_the_image() -> None:
    rules = RuleSet(
        [
            rule(1),
            rule(2, sources=("R2",)),
            rule(3, resources=(IMAGE,)),
            rule(4, project_id=OTHER),
            rule(5, project_id=OTHER, is_admin=True, all_projects=True, sources=("*",)),
        ]
    )
    assert rules.match(event()) == {1, 3, 5}
    assert rules.match(event("R2")) == {2, 5}
    assert rules.match(event("R3")) == {5}


def test_the_reason_that_came_closest() -> None:
    rules = RuleSet([rule(1, filters={"name": "x"}), rule(2, filters={"statuses": ["queued"]})])
    assert rules.match(event()) is Drop.FILTERS
    assert RuleSet([]).match(event()) is Drop.SOURCE


def test_a_deletion_concerns_rules_without_another_source() -> None:
    rules = RuleSet(
        [
            rule(1),
            rule(2, sources=("R1", "R2")),
            rule(3, sources=("*",)),
            rule(4, resources=(IMAGE,)),
            rule(5, resources=(IMAGE.replace("1", "2"),)),
            rule(6, filters={"name": "x"}),
        ]
    )
    gone = event(event_type="image.delete", status="deleted")
    assert rules.match(gone) == {1, 4, 6}
    assert rules.match(event("R3", "image.delete")) is Drop.SOURCE


def test_a_rule_that_cannot_be_read_hides_no_other(caplog: pytest.LogCaptureFixture) -> None:
    broken = rule(1)
    broken.sync_set = {"of": "a later release"}
    assert RuleSet([broken, rule(2)]).match(event()) == {2}
    assert "rule-1" in caplog.text
