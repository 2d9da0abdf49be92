"""Tell the ids of items, which follow from their job, image and region."""

import uuid


def item_id(job_id: str, resource: str, target: str) -> str:
    """Return an item's id, which is the same if its job is planned again.

    :param resource: the image, or ``*`` for all of a region.
    :param target: the target region.
    """
    return str(uuid.uuid5(uuid.UUID(job_id), f"{resource}/{target}"))
