"""The keys of resources: what jobs, items and states have instead of long names.

An image has its id.  A resource that has only a name, of up to 255 characters, has a UUID made of
it.  So columns, filters and parts of jobs are the same for every type.
"""

import uuid

from kingbird.states import ALL, ResourceType

#: Random, and never to be changed: the keys that are stored were made of it.
_NAMES = uuid.UUID("0a4b8a4e-5d0b-4f6c-9a53-3a7c9e0f1d62")


def noun_of(resource_type: str) -> str:
    """Return what a resource of a type is called in messages."""
    return "image" if resource_type == ResourceType.IMAGE else "namespace"


def key_of(resource_type: str, resource: str) -> str:
    """Return the key of a resource, which is the same in every region.

    :param resource: an image's id, the name of a resource of another type, or ``*``.
    """
    if resource == ALL or resource_type == ResourceType.IMAGE:
        return resource
    return str(uuid.uuid5(_NAMES, f"{resource_type}/{resource}"))
