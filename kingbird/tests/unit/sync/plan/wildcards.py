"""Wildcard sets, and images in the regions of a scene."""

import uuid

from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.scene import RULES

ALL3 = ("R1", "R2", "R3")


def wildcard(sources=("R1",), targets=("R2",), **options):
    return SyncSet(("*",), sources, targets, **options)


def any_to_any(**options):
    return wildcard(ALL3, ALL3, **options)


def active(scene, region="R1", data=b"data", **fields):
    """Make an image with data and a name of its own."""
    fields = {"visibility": "private", "name": str(uuid.uuid4()), **fields}
    image = scene.create(region, **fields)
    return scene.glances[region].upload(image["id"], data)


def copied(scene, image, region="R2", **changes):
    record = fields.record_for(image, "R1", RULES, image_id=image["id"])
    if "owner" in changes:
        return scene.images(region, is_admin=True).create({**record, **changes})
    return scene.images(region).create({**record, **changes})


def rows(items):
    return {
        (item.resource, item.source_region, item.target_region): (
            item.action,
            item.outcome and item.outcome.reason,
        )
        for item in items
    }


def do(scene, items, caller=None):
    return [item.outcome or scene.apply(item, caller) for item in items]


def unusable_in(scene, region="R2", **fields):
    """Make an image whose id can't be used in a region."""
    image = active(scene, **fields)
    copied(scene, image, region)
    scene.glances[region].delete(image["id"])
    return image
