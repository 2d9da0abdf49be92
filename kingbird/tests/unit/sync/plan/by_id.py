"""Helpers of tests of plans by id."""

from kingbird.sync import image as fields
from kingbird.tests.unit.sync.scene import RULES


def copy_of(scene, image, region="R2", *, is_admin=False, **changes):
    """Put a copy of an image into another region, as Kingbird would, or nearly."""
    record = fields.record_for(image, "R1", RULES, image_id=image["id"])
    return scene.images(region, is_admin=is_admin).create({**record, **changes})


def reasons(items):
    """Return region, action and reason of each item."""
    return [
        (item.target_region, item.action, item.outcome and item.outcome.reason) for item in items
    ]
