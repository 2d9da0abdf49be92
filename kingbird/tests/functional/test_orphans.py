"""Copies of images that their home has deleted are hidden, shown again, and deleted.

Glance and its purge are real.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from kingbird.tests.functional.conftest import REGIONS
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.glance_rows import purge
from kingbird.tests.functional.kingbird_api import KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person

API = Callable[[Person], KingbirdAPI]

DATA = b"some data"
OTHERS = REGIONS[1:]


def test_copies_of_what_home_deleted_are_hidden_then_deleted(
    deployment: Deployment, admin: Person, api: API, cloud: Any
) -> None:
    """Hide them, show one that came back, and delete the others after the grace."""
    person = admin.with_new_project("admin", role="admin")
    jobs = api(person)
    home = "RegionOne"
    kept, back, lost = (person.make(home, DATA, name=name) for name in ("a", "b", "c"))
    wanted = wildcard(source=home, target=list(OTHERS), on_orphan="delete")
    assert jobs.run(wanted).outcomes == {"created": 6}
    for image in (back, lost):
        person.delete(home, image["id"])
    purge(cloud, home)
    shown = jobs.run({**wanted, "dry_run": True})
    assert shown.outcomes["orphaned"] == 4
    assert not person.see("RegionTwo", lost["id"])["os_hidden"]
    assert jobs.run(wanted).outcomes["hidden"] == 4
    for region in OTHERS:
        for image in (back, lost):
            copy = person.see(region, image["id"])
            assert (copy["os_hidden"], "kingbird_orphaned_at" in copy) == (True, True)
        assert not person.see(region, kept["id"])["os_hidden"]

    # One is there again, and somebody wants a copy of the other one.
    person.make(home, DATA, id=back["id"], name="b")
    person.images("RegionThree").update(
        lost["id"], [{"op": "add", "path": "/os_hidden", "value": False}]
    )
    assert jobs.run(wanted).outcomes["revived"] == 2
    copy = person.see("RegionTwo", back["id"])
    assert (copy["os_hidden"], "kingbird_orphaned_at" in copy) == (False, False)

    age_orphans(deployment, days=31)
    job = jobs.run(wanted)
    assert job.reasons[lost["id"], "RegionTwo"] == "deleted"
    assert job.reasons[lost["id"], "RegionThree"] == "touched"
    assert person.images("RegionTwo").get(lost["id"]) is None
    assert person.images("RegionThree").get(lost["id"])
    rows = deployment.rows()["hidden_orphans"]
    left = {(row["image_id"], row["region"]) for row in rows}
    assert left & {(one["id"], region) for one in (back, lost) for region in OTHERS} == {
        (lost["id"], "RegionThree")
    }


def test_a_home_that_lost_much_hides_nothing(admin: Person, api: API) -> None:
    person = admin.with_new_project("admin", role="admin")
    jobs = api(person)
    person.make("RegionOne", DATA)
    many = [person.make("RegionOne")["id"] for _ in range(11)]
    copies = sync(*many, source="RegionOne", target="RegionTwo")
    assert jobs.run(copies).outcomes == {"created": 11}
    for image_id in many:
        person.delete("RegionOne", image_id)
    wanted = wildcard(source="RegionOne", target=["RegionTwo"], on_orphan="hide")
    assert jobs.run(wanted).outcomes["orphan_guard"] == 11
    assert not any(person.see("RegionTwo", one)["os_hidden"] for one in many)
    assert jobs.run({**wanted, "orphan_limit": 11}).outcomes["hidden"] == 11


def age_orphans(deployment: Deployment, *, days: int) -> None:
    """Let all orphans have been hidden for some days longer."""
    engine = sa.create_engine(deployment.database_url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE hidden_orphans SET hidden_at = hidden_at - :ms"),
            {"ms": days * 86_400_000},
        )
    engine.dispose()
