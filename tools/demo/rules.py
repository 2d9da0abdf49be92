"""The second act: a rule, an upload that spreads by itself, and a drift that a full run mends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from minicloud.cloud import Cloud

from demo.client import Client
from demo.glance import Glance, Image

NAME, TAG = "golden-everywhere", "golden"
#: Seconds between two full runs of the rule.
INTERVAL = 10
#: Seconds after which something that does not happen is a problem.
PATIENCE = 60.0
POLL_SECONDS = 0.02
WRONG_RAM = 4096
IMAGE = {
    "name": "golden-image",
    "disk_format": "raw",
    "container_format": "bare",
    "visibility": "private",
    "tags": [TAG],
    "os_distro": "debian",
    "min_ram": 512,
}


def play(
    cloud: Cloud, openstack: Client, glances: Mapping[str, Glance], say: Callable[[str], None]
) -> list[str]:
    """Make a rule, upload an image, change a copy, and watch Glance only.

    :param say: prints a heading.
    :returns: the problems, a line each.
    """
    _, home, *_ = cloud.regions
    say(f"A rule: images with the tag {TAG} are to be everywhere, in the same state")
    rule = openstack.show(
        *("image", "sync", "rule", "create", NAME, "--all", "--tag", TAG),
        *("--on-drift", "update", "--interval", f"{INTERVAL}s"),
    )
    identity = next(row["Value"] for row in rule if row["Field"] == "id")
    heard = "Glance tells Kingbird" if cloud.broker else "Kingbird asks each Glance every second"
    say(f"An upload in {home}; nobody asks for a sync, {heard}")
    image, began = _upload(glances[home])
    found = _spread(image, home, glances, began)

    other = next(region for region in cloud.regions if region != home)
    say(f"Somebody changes the copy in {other}; the next full run, every {INTERVAL} s, mends it")
    found += _mend(image["id"], glances[other], other)
    print()
    openstack.show("image", "sync", "list", "--rule", identity)
    for line in found:
        print(f"PROBLEM: {line}")
    return found


def _upload(glance: Glance) -> tuple[Image, float]:
    """Create an image with data.

    :returns: also the time at which the upload ended.
    """
    image = glance.create(dict(IMAGE))
    glance.upload(image["id"], b"an image that everybody needs\n" * 1000)
    return image, time.monotonic()


def _spread(image: Image, home: str, glances: Mapping[str, Glance], began: float) -> list[str]:
    """Print the seconds until each region has the record."""
    missing = [region for region in glances if region != home]
    found = []
    while missing and time.monotonic() - began < PATIENCE:
        for region in [*missing]:
            copy = glances[region].find(image["id"])
            if copy is None or sorted(copy["tags"]) != sorted(image["tags"]):
                continue
            missing.remove(region)
            print(f"  {region:<12} has the record {time.monotonic() - began:5.2f} s later")
            wrong = [name for name in IMAGE if copy.get(name) != image[name]]
            found += [f"{region}: {name} is {copy.get(name)!r}" for name in wrong]
        time.sleep(POLL_SECONDS)
    late = [f"{region} has no {IMAGE['name']} after {PATIENCE:.0f} s" for region in missing]
    return found + late


def _mend(image_id: str, glance: Glance, region: str) -> list[str]:
    """Print the seconds until a drift is mended."""
    glance.replace(image_id, "min_ram", WRONG_RAM)
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        copy = glance.find(image_id)
        if copy and copy["min_ram"] == IMAGE["min_ram"]:
            seconds = time.monotonic() - began
            print(
                f"  {region:<12} min_ram: {WRONG_RAM} -> {IMAGE['min_ram']} {seconds:5.2f} s later"
            )
            return []
        time.sleep(POLL_SECONDS)
    return [f"{region}: min_ram is still not {IMAGE['min_ram']} after {PATIENCE:.0f} s"]
