"""Follow images after they were copied: quarantine, deletion at home, rotation, undo.

Glance, its messages and its purge are real.
"""

import time
from functools import partial

from kingbird.tests.functional.conftest import REGIONS
from kingbird.tests.functional.glance_rows import purge
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.test_events import DATA, Site, everywhere, site

__all__ = ["site"]

#: Seconds from the call at home to the last region.
SPREADS = 2.0
OTHERS = REGIONS[1:]


def api_of(site: Site, person: Person) -> KingbirdAPI:
    """Return the API for a user."""
    return KingbirdAPI(site.running.url, person)


def has_status(person: Person, image_id: str, status: str) -> bool:
    """Return whether an image has a status in all regions."""
    return all(person.see(region, image_id)["status"] == status for region in REGIONS)


def test_a_quarantine_at_home_is_one_everywhere(site: Site, newcomer: Person) -> None:
    rule = site.rule(newcomer, source=["RegionOne"], on_drift="update")
    image = newcomer.make("RegionOne", DATA)
    eventually("it is in all regions", partial(everywhere, newcomer, image["id"]))
    for region in OTHERS:
        newcomer.upload(region, image["id"], DATA)
    site.at_rest(newcomer, rule)
    for active, status in ((False, "deactivated"), (True, "active")):
        begun = time.monotonic()
        newcomer.images("RegionOne").set_active(image["id"], active)
        spread = partial(has_status, newcomer, image["id"], status)
        eventually(f"it is {status}", spread, poll=0.1)
        assert time.monotonic() - begun < SPREADS
        site.at_rest(newcomer, rule)


def test_what_home_deleted_and_purged_stays_deleted(site: Site, newcomer: Person) -> None:
    api = api_of(site, newcomer)
    image = newcomer.make("RegionOne", DATA)
    assert api.run(wildcard()).status == SUCCESS
    newcomer.upload("RegionTwo", image["id"], DATA)
    newcomer.delete("RegionOne", image["id"])
    newcomer.delete("RegionThree", image["id"])
    for purged in (False, True):
        if purged:
            for region in ("RegionOne", "RegionThree"):
                purge(site.cloud, region)
        for wanted in (wildcard(), sync(image["id"], source="RegionTwo", target="RegionThree")):
            job = api.run(wanted)
            assert (job.status, {*job.reasons.values()}) == (SUCCESS, {"orphaned"})
        assert newcomer.images("RegionOne").get(image["id"]) is None
        assert newcomer.images("RegionThree").get(image["id"]) is None
    answer = api.call("GET", "-state?state=orphan").json()
    cells = {each["id"]: each["cells"] for each in answer["images"]}
    assert cells[image["id"]]["RegionTwo"]["state"] == "orphan"
    # The id is free again: only Kingbird left it alone.
    newcomer.make("RegionOne", id=image["id"])


def test_a_rotation_and_its_undoing(site: Site, newcomer: Person) -> None:
    api = api_of(site, newcomer)
    name = "Ubuntu 24.04"
    old = newcomer.make("RegionOne", DATA, name=name)
    wanted = wildcard(source="RegionOne", target=list(OTHERS), on_drift="update")
    assert api.run(wanted).outcomes == {"created": 2}
    new = newcomer.make("RegionOne", b"new", name=name)
    changes = {"name": f"{name} of May", "os_hidden": True}
    newcomer.images("RegionOne").update(
        old["id"], [{"op": "add", "path": f"/{key}", "value": changes[key]} for key in changes]
    )
    job = api.run(wanted)
    assert job.outcomes == {"created": 2, "updated": 2}

    def shown(region: str) -> dict[str, tuple[str, bool]]:
        found = (newcomer.see(region, one["id"]) for one in (old, new))
        return {image["id"]: (image["name"], image["os_hidden"]) for image in found}

    rotated = {old["id"]: (changes["name"], True), new["id"]: (name, False)}
    assert [shown(region) for region in OTHERS] == [rotated] * 2

    newcomer.upload("RegionThree", new["id"], b"new")
    answer = api.call("POST", f"/{job.id}/undo")
    assert answer.status_code == 202, answer.text
    undone = api.wait(answer.json()["job_status"]["id"])
    assert (undone.status, undone.overview["of"]) == (SUCCESS, job.id)
    assert undone.reasons == {
        (old["id"], "RegionTwo"): "undone",
        (old["id"], "RegionThree"): "undone",
        (new["id"], "RegionTwo"): "undone",
        (new["id"], "RegionThree"): "kept",
    }
    before = {old["id"]: (name, False)}
    assert shown("RegionTwo") == {**before, new["id"]: (name, True)}
    assert shown("RegionThree") == {**before, new["id"]: (name, False)}
    assert api.call("POST", f"/{job.id}/undo").status_code == 409

    # It is done again without a new record.
    assert api.run(wanted).outcomes.get("created", 0) == 0
    assert [shown(region) for region in OTHERS] == [rotated] * 2
