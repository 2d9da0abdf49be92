"""Sets as the API stored them, and names that are stored in Glances."""

import pytest

from kingbird.states import MemberMode
from kingbird.sync import image as fields
from kingbird.sync.request import Force, Requester, SyncOptions, SyncSet
from kingbird.tests.unit.db.rows import sync_set
from kingbird.tests.unit.sync.scene import ADMIN, DEMO


def read(*resources, **more):
    return SyncSet.from_request(sync_set(resources or ["i"], ["R1", "R2"], ["R3"], **more))


def test_each_field_of_a_stored_set_arrives():
    stored = read(
        "a",
        "b",
        preferred=["R2"],
        force=True,
        all_projects=True,
        dry_run=True,
        on_drift="update",
        prune=True,
        members="exact",
        filters={"name": "n"},
    )
    assert stored.members is MemberMode.EXACT
    assert (stored.resources, stored.sources, stored.targets) == (
        ("a", "b"),
        ("R1", "R2"),
        ("R3",),
    )
    assert (stored.preferred, stored.resource_type) == (("R2",), "image")
    assert (stored.force, stored.all_projects, stored.dry_run) == (True, True, True)
    assert (stored.updates, stored.prunes, stored.filters) == (True, True, {"name": "n"})


def test_a_set_without_options():
    stored = read()
    assert stored.members is MemberMode.CREATE
    assert (stored.force, stored.all_projects, stored.dry_run) == (False, False, False)
    assert (stored.updates, stored.prunes, stored.filters) == (False, False, {})


@pytest.mark.parametrize(
    ("resources", "force", "mode"),
    [
        (["i"], False, Force.NEVER),
        (["*"], False, Force.NEVER),
        (["i"], True, Force.ALWAYS),
        (["*"], True, Force.WHERE_NEEDED),
    ],
)
def test_a_forced_set_by_id_always_gives_new_ids(resources, force, mode):
    assert read(*resources, force=force).options == SyncOptions(mode, False, False)


def test_options_of_updates():
    assert read(on_drift="update", prune=True).options == SyncOptions(Force.NEVER, True, True)


@pytest.mark.parametrize(
    ("caller", "all_projects", "owner"),
    [
        (Requester(DEMO), False, DEMO),
        (Requester(DEMO), True, DEMO),
        (Requester(ADMIN, is_admin=True), False, ADMIN),
        (Requester(ADMIN, is_admin=True), True, None),
    ],
)
def test_only_an_admin_selects_the_images_of_all_projects(caller, all_projects, owner):
    assert read("*", all_projects=all_projects).selection(caller).owner == owner


def test_names_that_are_stored_in_glances_do_not_change():
    """Copies of earlier releases have them."""
    assert (fields.SOURCE_REGION, fields.SOURCE_ID, fields.SOURCE_HASH, fields.FORCED) == (
        "kingbird_source_region",
        "kingbird_source_id",
        "kingbird_source_hash",
        "kingbird_forced",
    )
    copy = fields.forced_id("11111111-1111-4111-8111-111111111111", "R2", 1)
    assert copy == "6541705f-90b2-5f1e-b4cf-72cd857f8781"
