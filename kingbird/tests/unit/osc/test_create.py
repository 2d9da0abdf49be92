"""The command that creates jobs, from its words to the database of the real API."""

import json
from pathlib import Path

import pytest

from kingbird.osc.images import FORCED
from kingbird.sync import image as fields
from kingbird.tests.api.world import IMAGE, PROJECT, REGIONS
from kingbird.tests.unit.osc.cloud import Cloud
from kingbird.tests.unit.osc.jobs import JSON, Osc, stored


def test_create_by_name_and_id(osc: Osc, cloud: Cloud) -> None:
    cloud.add_image("RegionTwo", "bbbbbbbb-0000-4000-8000-000000000007", "web")
    words = ("create", "web", IMAGE, "--target", "RegionThree", "--force", *JSON)
    made = osc(*words).json
    assert made["Status"] == "IN_PROGRESS"
    (one,) = stored(made["ID"])
    assert one["resources"] == ["bbbbbbbb-0000-4000-8000-000000000007", IMAGE]
    assert set(one["sources"]) == set(REGIONS)
    assert (one["targets"], one["force"], one["dry_run"]) == (["RegionThree"], True, False)


def test_create_with_all_options(osc: Osc) -> None:
    words = ["create", "--all", "--all-projects", "--source", "RegionOne", "--source", "*"]
    words += ["--target", "*", "--on-drift", "update", "--prune", "--dry-run"]
    words += ["--same-name", "skip", "--data", "import", "--members", "exact"]
    words += ["--on-orphan", "delete", "--orphan-limit", "40"]
    words += ["--community", "--owner", PROJECT.upper(), "--name", "a", "--name-prefix", "b"]
    words += ["--tag", "c", "--tag", "d", "--property", "e=f=g", "--property", "h="]
    words += ["--size-min", "1", "--size-max", "2", "--updated-since", "2026-11-01T00:00:00Z"]
    words += ["--status", "active", "--status", "queued"]
    (one,) = stored(osc(*words, *JSON, user="admin").json["ID"])
    assert one["resources"] == ["*"]
    assert one["preferred"] == ["RegionOne"]
    assert set(one["targets"]) == set(REGIONS)
    assert one["filters"] == {
        "visibility": "community",
        "owner": PROJECT,
        "name": "a",
        "name_prefix": "b",
        "tags": ["c", "d"],
        "properties": {"e": "f=g", "h": ""},
        "size_min": 1,
        "size_max": 2,
        "updated_since": "2026-11-01T00:00:00Z",
        "statuses": ["active", "queued"],
    }
    flags = ("all_projects", "dry_run", "on_drift", "prune", "same_name", "data", "force")
    assert [one[flag] for flag in flags] == [True, True, "update", True, "skip", "import", False]
    assert one["members"] == "exact"
    assert (one["on_orphan"], one["orphan_limit"]) == ("delete", 40)


def test_create_from_a_file(osc: Osc, tmp_path: Path) -> None:
    one = {
        "resource_type": "image",
        "resources": [IMAGE],
        "source": "RegionOne",
        "target": ["RegionTwo"],
    }
    file = tmp_path / "sets.json"
    file.write_text(json.dumps({"Sync": [one, {**one, "target": ["RegionThree"]}]}))
    made = osc("create", "--file", str(file), *JSON).json
    assert [each["targets"] for each in stored(made["ID"])] == [["RegionTwo"], ["RegionThree"]]
    file.write_text(json.dumps({"resource_set": one}))
    assert len(stored(osc("create", "--file", str(file), *JSON).json["ID"])) == 1
    for text in ("{", "[]"):
        file.write_text(text)
        refused = osc("create", "--file", str(file))
        assert (refused.code, str(file) in refused.err) == (1, True)
    for option in (
        *(["--target", "RegionTwo"], ["--members", "add"], ["--data", "none"]),
        *(["--on-orphan", "report"], ["--orphan-limit", "1"]),
    ):
        refused = osc("create", "--file", str(file), *option)
        assert (refused.code, "--file" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["create", IMAGE], "--target"),
        (["create", "--target", "*"], "--all"),
        (["create", IMAGE, "--all", "--target", "*"], "--all"),
        (["create", IMAGE, "--all-projects", "--target", "*"], "--all-projects"),
        (["create", IMAGE, "--size-min", "0", "--target", "*"], "filters"),
        (["create", "--size-min", "many"], "--size-min"),
        (["create", "nothing", "--target", "*"], "No image is named nothing"),
        (["create", IMAGE, "--target", "Nowhere"], "resource_set.target"),
        (["create", IMAGE, "--target", "*", "--prune"], "resource_set.prune"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--limit", "1", "--all"], "--all"),
        (["list", "--sort", "color"], "sort_key"),
        (["summary", "x"], "no UUID"),
        (["summary", IMAGE, "--timeout", "-1"], "--timeout"),
        (["engine", "list"], "HTTP 403"),
        (["delete"], "<job>"),
    ],
)
def test_wrong_use_is_named_and_exits_with_1(osc: Osc, words: list[str], message: str) -> None:
    done = osc(*words)
    assert done.code == 1
    assert message in done.err
    assert done.out == ""


def test_a_name_of_several_images_is_refused_with_their_ids(osc: Osc, cloud: Cloud) -> None:
    twins = [f"dddddddd-0000-4000-8000-00000000000{number}" for number in (1, 2)]
    cloud.add_image("RegionOne", twins[0], "twin")
    cloud.add_image("RegionTwo", twins[1], "twin", os_hidden=True)
    done = osc("create", "twin", "--target", "RegionThree")
    assert done.code == 1
    assert f"{twins[0]} in RegionOne" in done.err
    assert f"{twins[1]} in RegionTwo" in done.err
    words = ("--source", "RegionTwo", "--target", "RegionThree", *JSON)
    (one,) = stored(osc("create", "twin", *words).json["ID"])
    assert one["resources"] == [twins[1]]


def test_a_name_means_no_forced_copy(osc: Osc, cloud: Cloud) -> None:
    image, copy, other = (f"dddddddd-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
    cloud.add_image("RegionOne", image, "web")
    cloud.add_image("RegionTwo", copy, "web", **{FORCED: "true", "kingbird_source_id": image})
    (one,) = stored(osc("create", "web", "--target", "RegionThree", *JSON).json["ID"])
    assert one["resources"] == [image]
    done = osc("create", "web", "--source", "RegionTwo", "--target", "RegionThree")
    assert (done.code, "Only forced copies are named web" in done.err) == (1, True)
    assert f"{copy} in RegionTwo, of project {PROJECT}, a forced copy" in done.err
    # All ids are named if there are several, and a copy can be given by its id.
    cloud.add_image("RegionThree", other, "web")
    done = osc("create", "web", "--target", "RegionTwo")
    assert (done.code, "2 images are named web" in done.err) == (1, True)
    assert all(image_id in done.err for image_id in (image, copy, other))
    words = (copy, "--source", "RegionTwo", "--target", "RegionThree")
    (one,) = stored(osc("create", *words, *JSON).json["ID"])
    assert one["resources"] == [copy]


def test_the_property_of_a_forced_copy() -> None:
    """The plugin imports nothing of the heart, so it has a name of its own for it."""
    assert FORCED == fields.FORCED
