"""One image in all regions now: bounded, and never another project's."""

import threading
import time
from typing import Any

import pytest

from kingbird.api.state import live
from kingbird.tests.api.world import IMAGE, OTHER_PROJECT, PRIVATE, PROJECT, World
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.api.conftest import Call
from kingbird.tests.waiting import bounded

STATE = f"/v1.0/{PROJECT}/os-sync-state"
FORMATS = {"disk_format": "raw", "container_format": "bare", "visibility": "private"}


def make(world: World, region: str, image_id: str, data: bytes | None = b"data", **more: Any):
    """Make an image of the project in a region."""
    images = world.glances[region].images_for(PROJECT)
    images.create({"id": image_id, "name": "one", **FORMATS, **more})
    if data is not None:
        world.glances[region].upload(image_id, data)


def cells(call: Call, image_id: str, **options: Any) -> dict[str, Any]:
    response = call(f"{STATE}/{image_id}", **options)
    assert response.status_int == 200, response.text
    found: dict[str, Any] = response.json["image"]["cells"]
    return found


NEW = "aaaaaaaa-0000-4000-8000-0000000000aa"


def test_what_each_region_has(world: World, call: Call) -> None:
    make(world, "RegionOne", NEW, tags=["a"])
    provenance = {"kingbird_source_region": "RegionOne", "kingbird_source_id": NEW}
    make(world, "RegionTwo", NEW, None, name="uno", tags=["b"], **provenance)
    make(world, "RegionThree", NEW, b"other", tags=["a"])
    found = cells(call, NEW)
    assert {region: (one["state"], one["hash"]) for region, one in found.items()} == {
        "RegionOne": ("same", "same"),
        "RegionTwo": ("drift", "unknown"),
        "RegionThree": ("conflict", "differs"),
    }
    two = found["RegionTwo"]
    assert two["fields"] == {
        "name": {"source": "one", "target": "uno"},
        "tags": {"source": "a", "target": "b"},
    }
    assert two["provenance"] == {
        "source_region": "RegionOne",
        "source_id": NEW,
        "source_hash": None,
    }
    assert (two["image_status"], two["size"], two["id"]) == ("queued", None, NEW)
    assert (found["RegionThree"]["size"], found["RegionThree"]["provenance"]) == (5, None)


@pytest.mark.parametrize("visibility", ["public", "community"])
def test_an_image_that_all_can_see_is_still_its_owners(
    world: World, call: Call, visibility: str
) -> None:
    theirs = world.glances["RegionOne"].images_for(OTHER_PROJECT, is_admin=True)
    theirs.create({"id": NEW, "visibility": visibility})
    assert call(f"{STATE}/{NEW}").status_int == 404
    # An id that is theirs in another region does not tell what their image is.
    theirs = world.glances["RegionTwo"].images_for(OTHER_PROJECT, is_admin=True)
    theirs.create({"id": IMAGE, "name": "secret", "visibility": visibility})
    one = cells(call, IMAGE)["RegionTwo"]
    assert (one["state"], one["reason"]) == ("conflict", "owner_conflict")
    assert (one["id"], one["image_status"], one["size"], one["provenance"]) == (None,) * 4
    assert "secret" not in call(f"{STATE}/{IMAGE}").text
    assert call(f"{STATE}/{PRIVATE}").status_int == 404


def test_who_is_away_is_unknown(world: World, call: Call) -> None:
    world.glances["RegionTwo"].fail("list", unavailable(), times=None)
    found = cells(call, IMAGE)
    assert (found["RegionTwo"]["state"], found["RegionThree"]["state"]) == ("unknown", "missing")
    assert "RegionTwo" in found["RegionTwo"]["message"]
    # Only a region that is away may have it.
    world.glances["RegionOne"].fail("list", unavailable(), times=None)
    response = call(f"{STATE}/{IMAGE}")
    assert response.status_int == 503
    assert response.headers["Retry-After"]


def test_a_region_that_hangs_holds_nobody_up(
    world: World, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "TIMEOUT", 0.5)
    gate = threading.Event()

    def hang(detail: Any) -> None:
        gate.wait()

    world.glances["RegionTwo"].fail("list", hang, times=None)
    begun = time.monotonic()
    with bounded("the API answers", gate.set):
        found = cells(call, IMAGE)
    gate.set()
    assert time.monotonic() - begun >= 0.5
    assert found["RegionTwo"]["state"] == "unknown"
    assert "does not answer" in found["RegionTwo"]["message"]
    assert found["RegionThree"]["state"] == "missing"
