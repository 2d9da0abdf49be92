"""The command that compares regions, with the items of its job made up."""

import pytest

from kingbird.tests.api.world import IMAGE, IMAGE_2, IN_TWO
from kingbird.tests.unit.osc.cloud import Cloud
from kingbird.tests.unit.osc.jobs import JSON, Osc, dry, engine, stored


def test_diff(osc: Osc, cloud: Cloud) -> None:
    items = (
        dry(IMAGE, "RegionTwo", "missing"),
        dry(IMAGE, "RegionThree", "drift"),
        dry(IMAGE_2, "RegionThree", "owner_conflict"),
        dry(IN_TWO, "RegionOne", "missing", source_region="RegionTwo"),
    )
    with engine(cloud, *items):
        done = osc("diff", "--all", "--exit-code", "--keep", *JSON)
    assert done.code == 5
    assert [tuple(row.values())[2:] for row in done.json] == [
        # RegionOne, RegionThree, RegionTwo.  The images have no data, so they are no part of
        # the selection: where they have no item, nothing is known.
        ("+", "", "="),
        ("=", "~", "+"),
        ("=", "!", ""),
    ]
    # An image without a name comes first.
    assert [row["ID"] for row in done.json] == [IN_TWO, IMAGE, IMAGE_2]
    assert "is kept" in done.err
    (job,) = osc("list", *JSON).json
    assert stored(job["ID"])[0]["dry_run"] is True


@pytest.mark.parametrize("in_sync", [{}, {"RegionThree": 1}])
def test_a_region_that_nothing_was_compared_with(
    osc: Osc, cloud: Cloud, in_sync: dict[str, int]
) -> None:
    """The API may leave a region of the catalog out, as one with a URL that can't be used."""
    image = "dddddddd-0000-4000-8000-000000000001"
    cloud.add_image("RegionOne", image, "web", disk_format="raw", container_format="bare")
    cloud.world.glances["RegionOne"].upload(image, b"data")
    with engine(cloud, dry(image, "RegionTwo", "missing"), in_sync=in_sync):
        (row,) = osc("diff", "--all", *JSON).json
    assert (row["RegionOne"], row["RegionTwo"]) == ("=", "+")
    assert row["RegionThree"] == ("=" if in_sync else "")


def test_diff_prints_what_it_means_and_leaves_nothing(osc: Osc, cloud: Cloud) -> None:
    items = (
        dry(IMAGE, "RegionTwo", "owner_conflict"),
        dry("*", "RegionThree", "region_unavailable", status="FAILURE"),
    )
    with engine(cloud, *items):
        done = osc("diff", "--all")
    assert done.code == 2
    assert f"{IMAGE} in RegionTwo: owner_conflict: About owner_conflict" in done.out
    assert "RegionThree: region_unavailable: About region_unavailable" in done.out
    assert osc("list", *JSON).json == []


def test_diff_that_takes_too_long_is_cancelled(osc: Osc) -> None:
    done = osc("diff", "--all", "--timeout", "0")
    assert (done.code, done.out) == (4, "")
    (job,) = osc("list", *JSON).json
    assert job["ID"] in done.err
    assert osc("summary", job["ID"], *JSON).json["Cancelled"] is True
