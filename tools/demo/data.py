"""An act of its own: the data of a record come, as Kingbird asks the other Glance for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from demo.client import Client
from demo.glance import Glance


def play(
    openstack: Client,
    glances: Mapping[str, Glance],
    image_id: str,
    say: Callable[[str], None],
) -> list[str]:
    """Have one record's data imported, and compare the hashes that the two Glances tell.

    :param image_id: an image with data, of which each region has a record.
    :param say: prints a heading.
    :returns: the problems, a line each.
    """
    source, target, *_ = glances
    say(f"Asking for the data of one record in {target}: its Glance fetches them from {source}")
    before = glances[target].find(image_id)
    openstack.show(
        *("image", "sync", "create", image_id, "--source", source, "--target", target),
        *("--data", "import", "--wait"),
    )
    original, copy = glances[source].find(image_id), glances[target].find(image_id)
    print()
    if not (original and before and copy):
        return [f"{image_id} is missing in {source} or in {target}"]
    for region, image in ((source, original), (target, copy)):
        print(f"  {region:<12} {image['status']:<8} {image['os_hash_algo']} ", end="")
        print(f"{str(image['os_hash_value'])[:24]}...")
    found = []
    if (before["status"], copy["status"]) != ("queued", "active"):
        found.append(f"{target}: {image_id} was {before['status']}, and is {copy['status']}")
    if original["os_hash_value"] != copy["os_hash_value"]:
        found.append(f"{target}: the data of {image_id} are not those in {source}")
    if not found:
        print(f"\nThe record turned active in {target}, and the hash of its data is the same.")
    for line in found:
        print(f"PROBLEM: {line}")
    return found
