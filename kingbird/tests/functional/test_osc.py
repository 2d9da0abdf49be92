"""``openstack image sync`` on the real cloud, as a user runs it."""

import json
import subprocess
import threading
from typing import Any

import pytest

from kingbird.tests.functional.conftest import REGIONS, TAG_QUOTA
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.people import RAW, Person, unique
from kingbird.tests.functional.programs import run
from kingbird.tests.functional.proxy import Proxy, hold

pytestmark = pytest.mark.deployments("rabbit-mariadb")

SUCCESS, ERROR, FAILURE, CANCELLED, TIMEOUT, DIFFERENT = range(6)
ALL_TARGETS = ("--target", "*")


def osc(who: Person, *words: str, exits: int = 0) -> subprocess.CompletedProcess[str]:
    """Run ``openstack image sync`` until it ends, and check its exit status."""
    done = run("openstack", "image", "sync", *words, **who.environment)
    assert done.returncode == exits, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def output_of(who: Person, *words: str, exits: int = 0) -> Any:
    """Run a command that prints JSON, and return the parsed output."""
    return json.loads(osc(who, *words, "-f", "json", exits=exits).stdout)


def cells(rows: list[dict[str, str]]) -> dict[str, str]:
    """Return the symbols of each name in the order of regions, with a point for a blank."""
    return {row["Name"]: "".join(row[region] or "." for region in REGIONS) for row in rows}


def test_create_by_name_list_show_and_delete(newcomer: Person, deployment: Deployment) -> None:
    # Glance takes a prefix such as "in:" of a name for an operator.
    named = newcomer.make("RegionTwo", b"data", name="in:web server", tags=["one"])
    by_id = newcomer.make("RegionOne", b"data")
    made = output_of(newcomer, "create", "in:web server", by_id["id"], *ALL_TARGETS, "--wait")
    assert made["Status"] == "SUCCESS"
    # Each image is in order in its source region.
    assert made["Outcomes"] == {"created": 4, "in_sync": 2}
    for region in REGIONS:
        assert newcomer.see(region, named["id"])["name"] == "in:web server"
        assert newcomer.see(region, by_id["id"])

    (listed,) = output_of(newcomer, "list")
    assert (listed["ID"], listed["Status"]) == (made["ID"], "SUCCESS")
    assert output_of(newcomer, "list", "--active") == []
    items = output_of(newcomer, "show", made["ID"], "--long")
    assert {(item["Image"], item["Target"]) for item in items} == {
        (image["id"], region) for image in (named, by_id) for region in REGIONS
    }
    assert {item["Reason"] for item in items} == {"created", "in_sync"}
    first = output_of(newcomer, "show", made["ID"], "--limit", "2", "--sort", "target_region:desc")
    assert [item["Target"] for item in first] == ["RegionTwo", "RegionTwo"]
    assert output_of(newcomer, "show", made["ID"], "--status", "failure") == []

    osc(newcomer, "delete", made["ID"])
    assert output_of(newcomer, "list") == []
    assert "no job" in osc(newcomer, "show", made["ID"], exits=ERROR).stderr.lower()


def test_names_that_stand_for_none_or_for_several(
    newcomer: Person, deployment: Deployment
) -> None:
    ids = {newcomer.make(region, name="twin")["id"] for region in ("RegionOne", "RegionTwo")}
    refused = osc(newcomer, "create", "twin", *ALL_TARGETS, exits=ERROR).stderr
    assert all(image_id in refused for image_id in ids)
    assert "RegionOne" in refused
    refused = osc(newcomer, "create", "nobody", *ALL_TARGETS, exits=ERROR).stderr
    assert "No image is named nobody" in refused
    # Only one image in this region has the name.
    made = output_of(
        newcomer, "create", "twin", "--source", "RegionTwo", "--target", "RegionThree", "--wait"
    )
    assert made["Outcomes"] == {"created": 1}
    # Messages of the API, and wrong usage.
    words = ("create", "twin", "--source", "RegionTwo")
    refused = osc(newcomer, *words, "--target", "Nowhere", exits=ERROR).stderr
    assert "resource_set.target" in refused
    assert "(HTTP 400)" in refused
    assert "--target" in osc(newcomer, *words, exits=ERROR).stderr
    assert "usage:" in osc(newcomer, "create", "--no-such-option", exits=ERROR).stderr


def test_a_name_means_no_forced_copy(newcomer: Person, deployment: Deployment) -> None:
    """A forced copy has the name of its image, so the second run would find two."""
    image = newcomer.make("RegionOne", b"data", name="forced")
    words = ("create", "forced", "--target", "RegionTwo", "--force", "--wait")
    made = output_of(newcomer, *words)
    assert made["Outcomes"] == {"created": 1}
    (item,) = output_of(newcomer, "show", made["ID"], "--long")
    assert item["Image"] == image["id"] != item["Target Image"]
    assert output_of(newcomer, *words)["Outcomes"] == {"no_data": 1}
    made = output_of(newcomer, "create", "forced", "--target", "RegionThree", "--wait")
    assert made["Outcomes"] == {"created": 1}
    (row,) = output_of(newcomer, "diff", "forced")
    assert (row["ID"], cells([row])) == (image["id"], {"forced": "=oo"})
    (row,) = output_of(newcomer, "diff", "--all", "--name", "forced")
    assert (row["ID"], cells([row])) == (image["id"], {"forced": "=oo"})
    # No image in this region has the name, and the message names the copy.
    words = ("create", "forced", "--source", "RegionTwo", "--target", "RegionThree")
    refused = osc(newcomer, *words, exits=ERROR).stderr
    assert "Only forced copies are named forced" in refused
    assert f"{item['Target Image']} in RegionTwo" in refused


def make_differing(owner: Person, stranger: Person, prefix: str) -> dict[str, str]:
    """Make images that differ between the three regions.

    :returns: the expected rows of the matrix, by name.
    """
    in_order = owner.make("RegionOne", b"data", name=f"{prefix} in order")
    drifted = owner.make("RegionOne", b"data", name=f"{prefix} drifted")
    taken = owner.make("RegionOne", b"data", name=f"{prefix} taken")
    owner.make("RegionTwo", b"data", name=f"{prefix} new")
    for region in ("RegionTwo", "RegionThree"):
        owner.images(region).create({**RAW, "id": in_order["id"], "name": in_order["name"]})
    owner.images("RegionTwo").create({**RAW, "id": drifted["id"], "name": drifted["name"]})
    owner.images("RegionThree").create(
        {**RAW, "id": drifted["id"], "name": drifted["name"], "tags": ["mine"]}
    )
    # The image is visible to all.  A member sees a private image of others only by the failure.
    stranger.images("RegionTwo").create(
        {**RAW, "id": taken["id"], "name": "theirs", "visibility": "community"}
    )
    return {
        # Its copies have no data.
        f"{prefix} in order": "=oo",
        f"{prefix} drifted": "=o~",
        f"{prefix} new": "+=+",
        f"{prefix} taken": "=!+",
    }


def test_diff_of_all_regions(newcomer: Person, other: Person, deployment: Deployment) -> None:
    expected = make_differing(newcomer, other, "diff")
    before = {region: newcomer.glance(region, "GET", "images").json() for region in REGIONS}
    assert cells(output_of(newcomer, "diff", "--all")) == expected
    # The job wrote nothing and is deleted.
    for region, images in before.items():
        assert newcomer.glance(region, "GET", "images").json() == images
    assert output_of(newcomer, "list") == []

    printed = osc(newcomer, "diff", "--all", "--exit-code", exits=DIFFERENT).stdout
    assert "| RegionOne | RegionThree | RegionTwo |" in printed
    assert (
        "in sync by region, with and without a row: RegionOne 3, RegionTwo 1\n"
        "Copies in sync but for their data: RegionThree 1, RegionTwo 2\n" in printed
    )
    assert "diff drifted in RegionThree: drift: Differs from the image in RegionOne" in printed
    assert '; tags: "" -> "mine"' in printed
    assert "diff taken in RegionTwo: owner_conflict:" in printed

    # A region that is neither source nor target has no column.
    (row,) = output_of(
        newcomer, "diff", "diff drifted", "--source", "RegionOne", "--target", "RegionThree"
    )
    assert (row["RegionOne"], row["RegionThree"]) == ("=", "~")
    assert "RegionTwo" not in row
    (row,) = output_of(newcomer, "diff", "--all", "--target", "RegionTwo", "--name", "diff taken")
    assert cells([row]) == {"diff taken": "=!."}


def test_diff_of_all_projects(
    admin: Person, newcomer: Person, other: Person, deployment: Deployment
) -> None:
    prefix = unique("everybody")
    expected = make_differing(newcomer, other, prefix)
    words = ("diff", "--all", "--all-projects", "--name-prefix", prefix)
    assert cells(output_of(admin, *words)) == expected
    rows = output_of(
        admin, *words, "--long", "--on-drift", "update", "--owner", newcomer.project_name
    )
    reasons = {row["Name"]: row["Reasons"] for row in rows}
    assert "Would follow RegionOne" in reasons[f"{prefix} drifted"]["RegionThree"]
    assert "403" in osc(newcomer, *words, exits=ERROR).stderr


def test_the_state_and_a_plan_that_is_applied(newcomer: Person, deployment: Deployment) -> None:
    image = newcomer.make("RegionOne", b"data", name="right")
    newcomer.images("RegionTwo").create({**RAW, "id": image["id"], "name": "wrong"})
    words = ("create", "--all", "--source", "RegionOne", *ALL_TARGETS, "--on-drift", "update")
    plan = output_of(newcomer, *words, "--dry-run", "--wait")
    assert plan["Outcomes"] == {"drift": 1, "missing": 1}
    (row,) = output_of(newcomer, "state", "--exit-code", exits=DIFFERENT)
    cells = {region: row[region]["state"] for region in REGIONS}
    assert cells == {"RegionOne": "same", "RegionTwo": "drift", "RegionThree": "missing"}
    printed = osc(newcomer, "image", "show", "right", "--exit-code", exits=DIFFERENT).stdout
    assert 'name: "right" -> "wrong"' in printed

    made = output_of(newcomer, "apply", plan["ID"], "--wait")
    assert (made["Of"], made["Outcomes"]) == (plan["ID"], {"created": 1, "updated": 1})
    (item,) = output_of(newcomer, "show", made["ID"], "--region", "RegionTwo", "--image", "right")
    assert (item["Name"], item["Reason"]) == ("right", "updated")
    (first, _) = output_of(newcomer, "list", "--long")
    assert (first["Of"], first["Phase"], first["Origin"]) == (plan["ID"], "ended", "user")
    # The copies have no data.
    without_data = ("state", "--state", "no_data", "--region", "RegionTwo", "--exit-code")
    (row,) = output_of(newcomer, *without_data, exits=DIFFERENT)
    assert row["RegionThree"]["state"] == "no_data"
    assert osc(newcomer, "state", "--state", "drift", "--exit-code", "-f", "csv").stdout


def test_wait_tells_how_it_ended_and_retry(newcomer: Person, deployment: Deployment) -> None:
    tags = [f"tag{number}" for number in range(TAG_QUOTA + 1)]
    image = newcomer.make("RegionOne", b"data", name="tagged", tags=tags)
    words = ("create", "tagged", "--source", "RegionOne", *ALL_TARGETS, "--wait")
    made = output_of(newcomer, *words, exits=FAILURE)
    assert (made["Status"], made["Outcomes"]) == ("FAILURE", {"created": 1, "quota": 1})
    # Without a terminal there are no tables and no progress bars beside the errors.
    assert osc(newcomer, "retry", made["ID"], "--wait", exits=FAILURE).stderr == ""
    newcomer.glance("RegionOne", "DELETE", f"images/{image['id']}/tags/{tags[0]}")
    again = output_of(newcomer, "retry", made["ID"], "--wait")
    assert (again["Status"], again["Runs"]) == ("SUCCESS", 3)
    assert newcomer.see("RegionThree", image["id"])
    refused = osc(newcomer, "retry", made["ID"], exits=ERROR)
    assert "409" in refused.stderr


def test_cancel_and_timeout(
    newcomer: Person, deployment: Deployment, glances: dict[str, Proxy]
) -> None:
    # So many that a minute passes with calls that take five seconds, eight at a time.  Longer
    # ones would time out while the commands start.
    for _ in range(96):
        newcomer.make("RegionOne")
    gate = threading.Event()
    with glances["RegionTwo"].broken(hold(gate, 5), lambda call: call.method == "POST"):
        words = ["create", "--all", "--source", "RegionOne", "--target", "RegionTwo"]
        words += ["--status", "queued"]
        made = output_of(newcomer, *words, "--wait", "--timeout", "2", exits=TIMEOUT)
        assert made["Status"] == "IN_PROGRESS"
        (active,) = output_of(newcomer, "list", "--active")
        assert active["ID"] == made["ID"]
        refused = osc(newcomer, "delete", made["ID"], exits=ERROR).stderr
        assert "406" in refused
        assert output_of(newcomer, "cancel", made["ID"])["Cancelled"] is True
        gate.set()
        ended = output_of(newcomer, "summary", made["ID"], "--wait", exits=CANCELLED)
    assert ended["Status"] == "CANCELLED"
    assert ended["Statuses"]["CANCELLED"] >= 1
    assert "409" in osc(newcomer, "cancel", made["ID"], exits=ERROR).stderr


def test_the_jobs_of_another_project(
    admin: Person,
    newcomer: Person,
    demo: Person,
    deployment: Deployment,
    glances: dict[str, Proxy],
) -> None:
    image = newcomer.make("RegionOne", b"data", name="theirs")
    target = ("--source", "RegionOne", "--target", "RegionTwo")
    ended = output_of(newcomer, "create", image["id"], *target, "--wait")["ID"]
    by_name = ("--project", newcomer.project_name, "--project-domain", "Default")
    for words in (by_name, by_name[:2], ("--project", newcomer.project_id)):
        (listed,) = output_of(admin, "list", *words)
        assert (listed["ID"], listed["Status"]) == (ended, "SUCCESS")
    (item,) = output_of(admin, "show", ended, *by_name)
    assert (item["Image"], item["Reason"]) == (image["id"], "created")
    assert output_of(admin, "summary", ended, *by_name)["Outcomes"] == {"created": 1}

    # A member is refused under the name and the id of the project.
    words = ("--project", newcomer.project_id)
    for command in (("list",), ("show", ended), ("cancel", ended), ("delete", ended)):
        assert "HTTP 403" in osc(demo, *command, *words, exits=ERROR).stderr
        assert "give the ID" in osc(demo, *command, *by_name, exits=ERROR).stderr

    # So many that a minute passes with calls that take five seconds, eight at a time.  Longer
    # ones would time out while the commands start.
    for _ in range(96):
        newcomer.make("RegionOne")
    gate = threading.Event()
    with glances["RegionTwo"].broken(hold(gate, 5), lambda call: call.method == "POST"):
        made = output_of(newcomer, "create", "--all", *target, "--status", "queued")["ID"]
        assert output_of(admin, "cancel", made, *by_name)["Cancelled"] is True
        gate.set()
        ended_early = output_of(admin, "summary", made, *by_name, "--wait", exits=CANCELLED)
    assert ended_early["Status"] == "CANCELLED"
    osc(admin, "delete", ended, made, *by_name)
    assert output_of(newcomer, "list") == []


def test_engines(admin: Person, demo: Person, deployment: Deployment) -> None:
    engines = output_of(admin, "engine", "list")
    assert True in {engine["Alive"] for engine in engines}
    assert "403" in osc(demo, "engine", "list", exits=ERROR).stderr


def test_both_plugins_in_one_environment(newcomer: Person, deployment: Deployment) -> None:
    image = newcomer.make("RegionOne", b"data", name="both")
    words = ["--resource_type", "image", "--resources", image["id"], "--source", "RegionOne"]
    done = run(
        *("openstack", "sync", "create", *words, "--target", "RegionTwo", "-f", "json"),
        **newcomer.environment,
    )
    assert done.returncode == 0, done.stderr
    (theirs,) = json.loads(done.stdout)
    assert output_of(newcomer, "summary", theirs["ID"], "--wait")["Outcomes"] == {"created": 1}
    ours = output_of(newcomer, "create", "both", "--target", "RegionThree", "--wait")
    done = run("openstack", "sync", "list", "-f", "json", **newcomer.environment)
    assert {row["ID"] for row in json.loads(done.stdout)} == {theirs["ID"], ours["ID"]}
    for command in ("sync create", "image sync create", "image create"):
        shown = run("openstack", "help", *command.split())
        assert shown.stdout.startswith(f"usage: openstack {command} "), shown.stderr
