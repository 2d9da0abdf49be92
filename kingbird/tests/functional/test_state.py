"""``os-sync-state`` on the real cloud tells what ``openstack image sync diff --all`` finds."""

import json
from collections.abc import Callable
from typing import Any

from kingbird.tests.functional.conftest import REGIONS
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import run

API = Callable[[Person], KingbirdAPI]

#: The states, by the reason that a dry run has for them.
STATES = {"missing": "missing", "drift": "drift", "no_data": "no_data"}
STATES |= {"data_conflict": "conflict", "id_taken": "missing", "deleted_in_target": "missing"}
STATES |= {"orphaned": "orphan"}


def state(api: KingbirdAPI, path: str = "", status: int = 200) -> dict[str, Any]:
    """Return the stored state, or one image now."""
    answer = api.call("GET", f"-state{path}")
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def cells(api: KingbirdAPI) -> dict[tuple[str, str], tuple[str, dict[str, Any]]]:
    """Return the stored states with the values that differ, by image and region."""
    return {
        (image["id"], region): (cell["state"], cell["fields"])
        for image in state(api)["images"]
        for region, cell in image["cells"].items()
    }


def diff(person: Person, api: KingbirdAPI) -> dict[tuple[str, str], tuple[str, dict[str, Any]]]:
    """Compare all regions as the command does, and return what its job found."""
    done = run(
        *("openstack", "image", "sync", "diff", "--all", "--keep", "-f", "json"),
        **person.environment,
    )
    assert done.returncode == 0, done.stderr
    shown = {row["ID"] for row in json.loads(done.stdout)}
    newest = api.jobs()[0]["id"]
    items = api.items(newest)
    assert {item["resource"] for item in items} == shown
    return {
        (item["resource"], item["target_region"]): (STATES[item["reason"]], item["fields"])
        for item in items
    }


def test_the_state_is_what_a_comparison_finds(newcomer: Person, demo: Person, api: API) -> None:
    mine = api(newcomer)
    drifted = newcomer.make("RegionOne", b"data", name="new")
    missing = newcomer.make("RegionTwo", b"data", name="there")
    in_order = newcomer.make("RegionThree", b"data", name="in order")
    other = newcomer.make("RegionOne", b"data", name="other data")
    newcomer.make("RegionTwo", b"others", id=other["id"], name="other data")
    assert mine.run(wildcard()).status != SUCCESS
    for region in REGIONS:
        if newcomer.see(region, in_order["id"])["status"] == "queued":
            newcomer.upload(region, in_order["id"], b"data")
    rename = [{"op": "replace", "path": "/name", "value": "old"}]
    newcomer.images("RegionTwo").update(drifted["id"], rename)
    newcomer.delete("RegionThree", missing["id"])
    # The store has not seen that, and a run over all images does.
    mine.run(wildcard())
    stored = cells(mine)
    assert stored == diff(newcomer, mine)
    values = {"name": {"source": "new", "target": "old"}}
    assert stored[drifted["id"], "RegionTwo"] == ("drift", values)
    assert stored[drifted["id"], "RegionThree"] == ("no_data", {})
    assert stored[missing["id"], "RegionThree"] == ("missing", {})
    assert stored[other["id"], "RegionTwo"] == ("conflict", {})
    assert in_order["id"] not in {image for image, _ in stored}
    figures = state(mine)["regions"]["RegionTwo"]
    assert {name: figures[name] for name in ("images", "same", "drift", "conflict")} == {
        "images": 4,
        "same": 2,
        "drift": 1,
        "conflict": 1,
    }

    # Outcomes tell the writes of a job.
    job = mine.run(wildcard(on_drift="update"))
    assert job.reasons[drifted["id"], "RegionTwo"] == "updated"
    assert cells(mine) == diff(newcomer, mine)

    live = state(mine, f"/{drifted['id']}")["image"]
    assert live["source_region"] == "RegionOne"
    assert {region: cell["state"] for region, cell in live["cells"].items()} == {
        "RegionOne": "same",
        "RegionTwo": "no_data",
        "RegionThree": "no_data",
    }
    here = live["cells"]["RegionTwo"]
    assert (here["image_status"], here["hash"]) == ("queued", "unknown")
    assert here["provenance"]["source_id"] == drifted["id"]
    live = state(mine, f"/{in_order['id']}")["image"]
    assert {cell["hash"] for cell in live["cells"].values()} == {"same"}

    # Others see nothing of it.
    theirs = api(demo)
    assert not {image for image, _ in cells(theirs)} & {image for image, _ in stored}
    state(theirs, f"/{drifted['id']}", status=404)
